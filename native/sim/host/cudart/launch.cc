// Launches, function attributes and occupancy.
#include <cstring>
#include <vector>

#include "common.h"

using namespace sim::cudart;

namespace sim::cudart {

CUresult convert(const cudaLaunchConfig_t& c, CUlaunchConfig& out) {
  if (c.dynamicSmemBytes > 0xffffffffu) return CUDA_ERROR_INVALID_VALUE;
  static_assert(sizeof(cudaLaunchAttribute) == sizeof(CUlaunchAttribute));
  out = {c.gridDim.x,
         c.gridDim.y,
         c.gridDim.z,
         c.blockDim.x,
         c.blockDim.y,
         c.blockDim.z,
         unsigned(c.dynamicSmemBytes),
         c.stream,
         reinterpret_cast<CUlaunchAttribute*>(c.attrs),
         c.numAttrs};
  return CUDA_SUCCESS;
}

namespace {
struct Call {
  dim3 grid, block;
  size_t shared;
  cudaStream_t stream;
};
thread_local std::vector<Call> calls;  // <<<...>>> of this thread, between its brackets and its arguments

CUresult launch(const void* host, const cudaLaunchConfig_t& c, void** args) {
  CUfunction f = nullptr;
  CUlaunchConfig config;
  if (CUresult e = function_of(host, f)) return e;
  if (CUresult e = convert(c, config)) return e;
  return cuLaunchKernelEx(&config, f, args, nullptr);
}
CUresult query(const void* host, const cudaLaunchConfig_t* c, CUfunction& f, CUlaunchConfig& config) {
  if (!c) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult e = function_of(host, f)) return e;
  return convert(*c, config);
}
}  // namespace
}  // namespace sim::cudart

extern "C" unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, void* stream) {
  calls.push_back({grid, block, shared, static_cast<cudaStream_t>(stream)});
  return 0;
}
extern "C" cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* shared, void* stream) {
  if (calls.empty()) return note(cudaErrorMissingConfiguration);
  Call c = calls.back();
  calls.pop_back();
  *grid = c.grid, *block = c.block, *shared = c.shared, *static_cast<cudaStream_t*>(stream) = c.stream;
  return cudaSuccess;
}

cudaError_t cudaLaunchKernel(const void* host, dim3 grid, dim3 block, void** args, size_t shared,
                             cudaStream_t stream) {
  return note(launch(host, {grid, block, shared, stream, nullptr, 0}, args));
}
extern "C" cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** args,
                                          size_t shared, cudaStream_t stream) {
  return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, block, args, shared, stream);
}
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* host, void** args) {
  return note(config ? launch(host, *config, args) : CUDA_ERROR_INVALID_VALUE);
}
cudaError_t cudaLaunchCooperativeKernel(const void* host, dim3 grid, dim3 block, void** args, size_t shared,
                                        cudaStream_t stream) {
  cudaLaunchAttribute cooperative = {};
  cooperative.id = cudaLaunchAttributeCooperative, cooperative.val.cooperative = 1;
  return note(launch(host, {grid, block, shared, stream, &cooperative, 1}, args));
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* a, const void* host) {
  CUfunction f = nullptr;
  RT_TRY(function_of(host, f));
  if (!a) return note(cudaErrorInvalidValue);
  std::memset(a, 0, sizeof *a);
  auto get = [&](CUfunction_attribute name, auto& field) {
    int v = 0;
    CUresult e = cuFuncGetAttribute(&v, name, f);
    field = v;
    return e;
  };
  RT_TRY(get(CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, a->sharedSizeBytes));
  RT_TRY(get(CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES, a->constSizeBytes));
  RT_TRY(get(CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES, a->localSizeBytes));
  RT_TRY(get(CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, a->maxThreadsPerBlock));
  RT_TRY(get(CU_FUNC_ATTRIBUTE_NUM_REGS, a->numRegs));
  RT_TRY(get(CU_FUNC_ATTRIBUTE_PTX_VERSION, a->ptxVersion));
  RT_TRY(get(CU_FUNC_ATTRIBUTE_BINARY_VERSION, a->binaryVersion));
  RT_TRY(get(CU_FUNC_ATTRIBUTE_CACHE_MODE_CA, a->cacheModeCA));
  RT_TRY(get(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, a->maxDynamicSharedSizeBytes));
  RT_TRY(get(CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT, a->preferredShmemCarveout));
  RT_TRY(get(CU_FUNC_ATTRIBUTE_CLUSTER_SIZE_MUST_BE_SET, a->clusterDimMustBeSet));
  RT_TRY(get(CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH, a->requiredClusterWidth));
  RT_TRY(get(CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_HEIGHT, a->requiredClusterHeight));
  RT_TRY(get(CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_DEPTH, a->requiredClusterDepth));
  RT_TRY(get(CU_FUNC_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE, a->clusterSchedulingPolicyPreference));
  RT_TRY(get(CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, a->nonPortableClusterSizeAllowed));
  return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void* host, cudaFuncAttribute name, int value) {
  CUfunction f = nullptr;
  RT_TRY(function_of(host, f));
  return note(cuFuncSetAttribute(f, CUfunction_attribute(name), value));  // the same numbers
}
cudaError_t cudaFuncSetCacheConfig(const void* host, cudaFuncCache) {
  CUfunction f = nullptr;
  return note(function_of(host, f));
}
cudaError_t cudaFuncSetSharedMemConfig(const void* host, cudaSharedMemConfig) {
  CUfunction f = nullptr;
  return note(function_of(host, f));
}
cudaError_t cudaFuncGetName(const char** name, const void* host) {
  CUfunction f = nullptr;
  RT_TRY(function_of(host, f));
  return note(cuFuncGetName(name, f));
}
cudaError_t cudaFuncGetParamInfo(const void* host, size_t index, size_t* offset, size_t* size) {
  CUfunction f = nullptr;
  RT_TRY(function_of(host, f));
  return note(cuFuncGetParamInfo(f, index, offset, size));
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* n, const void* host, int block,
                                                                   size_t shared, unsigned flags) {
  CUfunction f = nullptr;
  RT_TRY(function_of(host, f));
  return note(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(n, f, block, shared, flags));
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* n, const void* host, int block,
                                                          size_t shared) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(n, host, block, shared, 0);
}
cudaError_t cudaOccupancyAvailableDynamicSMemPerBlock(size_t* bytes, const void* host, int blocks,
                                                      int block) {
  CUfunction f = nullptr;
  RT_TRY(function_of(host, f));
  return note(cuOccupancyAvailableDynamicSMemPerBlock(bytes, f, blocks, block));
}
cudaError_t cudaOccupancyMaxActiveClusters(int* n, const void* host, const cudaLaunchConfig_t* config) {
  CUfunction f = nullptr;
  CUlaunchConfig c;
  RT_TRY(query(host, config, f, c));
  return note(cuOccupancyMaxActiveClusters(n, f, &c));
}
cudaError_t cudaOccupancyMaxPotentialClusterSize(int* n, const void* host, const cudaLaunchConfig_t* config) {
  CUfunction f = nullptr;
  CUlaunchConfig c;
  RT_TRY(query(host, config, f, c));
  return note(cuOccupancyMaxPotentialClusterSize(n, f, &c));
}
