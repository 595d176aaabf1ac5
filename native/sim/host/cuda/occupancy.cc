// Occupancy queries, over native/sim/driver/occupancy.cc.
#include "../../driver/occupancy.h"

#include "../../driver/limits.h"
#include "common.h"

using namespace sim::host;
namespace limits = sim::driver::limits;

namespace {
CUresult known(CUfunction function, FunctionHandle*& f) {
  SIM_TRY(ready());
  f = known_function(function);
  return f ? CUDA_SUCCESS : unknown_function();
}
CUresult cluster_of(const CUlaunchConfig* config, FunctionHandle& f, uint64_t& cluster) {
  if (!config) return null("an occupancy query", "a launch configuration");
  KernelWork w;
  CUlaunchConfig c = *config;  // only whether this cluster may be launched matters here, not the grid
  cluster = 1;
  for (unsigned k = 0; k < c.numAttrs; ++k)
    if (const auto& a = c.attrs[k]; a.id == CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION)
      cluster = uint64_t(a.value.clusterDim.x) * a.value.clusterDim.y * a.value.clusterDim.z;
  if (auto it = f.entry->directives.find("reqnctapercluster"); it != f.entry->directives.end()) {
    cluster = 1;
    for (uint64_t e : it->second) cluster *= e;
  }
  uint64_t most = f.non_portable_cluster ? limits::LARGEST_CLUSTER : limits::PORTABLE_CLUSTER;
  if (cluster < 1 || cluster > most)
    return fail(CUDA_ERROR_INVALID_CLUSTER_SIZE, "kernel " + f.entry->name + " may have 1 to " +
                                                     std::to_string(most) + " CTAs a cluster, found " +
                                                     std::to_string(cluster));
  return CUDA_SUCCESS;
}
uint64_t threads(const CUlaunchConfig& c) { return uint64_t(c.blockDimX) * c.blockDimY * c.blockDimZ; }
}  // namespace

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* n, CUfunction function, int block,
                                                              size_t shared, unsigned) {
  FunctionHandle* f;
  SIM_TRY(known(function, f));
  if (!n || block <= 0)
    return fail(CUDA_ERROR_INVALID_VALUE,
                "an occupancy query expects a block of 1 or more threads and a place for the answer");
  *n = ctas_per_sm(*f, uint64_t(block), shared);
  return CUDA_SUCCESS;
}
CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* n, CUfunction function, int block, size_t shared) {
  return cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(n, function, block, shared, 0);
}
CUresult cuOccupancyMaxPotentialBlockSizeWithFlags(int* grid, int* block, CUfunction function,
                                                   CUoccupancyB2DSize shared_of, size_t shared, int limit,
                                                   unsigned) {
  FunctionHandle* f;
  SIM_TRY(known(function, f));
  if (!grid || !block) return null("cuOccupancyMaxPotentialBlockSize", "places for its results");
  int most = threads_allowed(*f), best = 0;
  if (limit > 0) most = std::min(most, limit);
  for (int t = (most + 31) / 32 * 32; t > 0; t -= 32) {  // the largest of those that fill an SM best
    int size = std::min(t, most),
        ctas = ctas_per_sm(*f, uint64_t(size), shared_of ? shared_of(size) : shared);
    if (ctas * size > best) best = ctas * size, *block = size, *grid = ctas * 148;
  }
  return best ? CUDA_SUCCESS
              : fail(CUDA_ERROR_INVALID_VALUE, "no block of kernel " + f->entry->name + " fits an SM");
}
CUresult cuOccupancyMaxPotentialBlockSize(int* grid, int* block, CUfunction function,
                                          CUoccupancyB2DSize shared_of, size_t shared, int limit) {
  return cuOccupancyMaxPotentialBlockSizeWithFlags(grid, block, function, shared_of, shared, limit, 0);
}
CUresult cuOccupancyAvailableDynamicSMemPerBlock(size_t* bytes, CUfunction function, int blocks, int block) {
  FunctionHandle* f;
  SIM_TRY(known(function, f));
  if (!bytes || blocks < 1 || block < 1)
    return null("cuOccupancyAvailableDynamicSMemPerBlock", "blocks and threads of 1 or more");
  int fixed = int(f->owner->module->program(*f->entry).static_shared);
  int each = limits::SHARED_SM / blocks / limits::SHARED_UNIT * limits::SHARED_UNIT - limits::SHARED_RESERVED;
  *bytes = size_t(std::max(0, std::min(each, limits::SHARED_BLOCK) - fixed));
  return CUDA_SUCCESS;
}
CUresult cuOccupancyMaxActiveClusters(int* n, CUfunction function, const CUlaunchConfig* config) {
  FunctionHandle* f;
  uint64_t cluster;
  SIM_TRY(known(function, f));
  SIM_TRY(cluster_of(config, *f, cluster));
  if (!n) return null("cuOccupancyMaxActiveClusters");
  *n = clusters_on_device(*f, cluster, threads(*config), config->sharedMemBytes);
  return CUDA_SUCCESS;
}
CUresult cuOccupancyMaxPotentialClusterSize(int* size, CUfunction function, const CUlaunchConfig* config) {
  FunctionHandle* f;
  SIM_TRY(known(function, f));
  if (!size || !config)
    return null("cuOccupancyMaxPotentialClusterSize", "a configuration and a place for the answer");
  int most = f->non_portable_cluster ? limits::LARGEST_CLUSTER : limits::PORTABLE_CLUSTER;
  while (most > 1 && clusters_on_device(*f, uint64_t(most), threads(*config), config->sharedMemBytes) == 0)
    most /= 2;
  *size = most;
  return CUDA_SUCCESS;
}
