// Launches: what a configuration may ask for, and the run itself. Which error answers which excess was seen
// on an H200 (driver 580.159, runtime 13.0): INVALID_VALUE for block, grid, shared memory and launch bounds,
// INVALID_CLUSTER_SIZE for clusters, also for a grid that is not whole clusters.
#include <cstdio>

#include "limits.h"
#include "occupancy.h"
#include "state.h"

namespace sim::driver {

namespace {

CUresult code_of(const Trap& t) {
  switch (t.cause) {
    case Trap::illegal_address:
      return CUDA_ERROR_ILLEGAL_ADDRESS;
    case Trap::misaligned:
      return CUDA_ERROR_MISALIGNED_ADDRESS;
    case Trap::illegal_instruction:
      return CUDA_ERROR_ILLEGAL_INSTRUCTION;
    case Trap::assertion:
      return CUDA_ERROR_ASSERT;
    case Trap::limit:
      return CUDA_ERROR_LAUNCH_TIMEOUT;
    default:
      return CUDA_ERROR_LAUNCH_FAILED;
  }
}

CUresult fault(CUresult code, const std::string& sentence) {
  if (!virtual_options().sticky_faults) return fail(code, sentence);
  State& s = State::get();
  std::fprintf(stderr, "%s\n", sentence.c_str());
  std::lock_guard g(s.lock);
  if (s.sticky == CUDA_SUCCESS) s.sticky = code, s.sticky_detail = sentence;
  return CUDA_SUCCESS;  // the launch itself was fine; its end comes later
}

// What the driver lends a cooperative launch: its size, and the counter of the grid's barrier.
struct GridWorkspace {
  uint64_t at = 0;
  explicit GridWorkspace(const std::vector<CUlaunchAttribute>& attributes) {
    for (const CUlaunchAttribute& a : attributes)
      if (a.id == CU_LAUNCH_ATTRIBUTE_COOPERATIVE && a.value.cooperative && !at) {
        at = Memory::device().allocate(64, "grid workspace");
        if (!at) throw std::bad_alloc();
        Memory::device().find(at)->all_written = true;
        *reinterpret_cast<uint32_t*>(at) = 64;
      }
  }
  ~GridWorkspace() {
    if (at) Memory::device().release(at);
  }
};

std::string dims(const Dim3& d) {
  return std::to_string(d.x) + "x" + std::to_string(d.y) + "x" + std::to_string(d.z);
}

// The cluster that the kernel was compiled for, or that its attribute asks for, unless the launch names one.
CUresult settle_cluster(const FunctionHandle& f, LaunchConfig& c, bool given) {
  const std::string who = "kernel " + f.entry->name;
  auto compiled = f.entry->directives.find("reqnctapercluster");
  Dim3 wanted;
  bool fixed = compiled != f.entry->directives.end();
  if (fixed) {
    auto at = [&](size_t k) { return k < compiled->second.size() ? uint32_t(compiled->second[k]) : 1u; };
    wanted = {at(0), at(1), at(2)};
  } else if (f.required_cluster[0]) {
    auto at = [&](int k) { return uint32_t(std::max(1, f.required_cluster[k])); };
    fixed = true, wanted = {at(0), at(1), at(2)};
  }
  if (fixed && given && (c.cluster.x != wanted.x || c.cluster.y != wanted.y || c.cluster.z != wanted.z))
    return fail(CUDA_ERROR_INVALID_CLUSTER_SIZE,
                who + " was made for clusters of " + dims(wanted) + ", found " + dims(c.cluster));
  if (fixed) c.cluster = wanted;
  c.explicit_cluster = fixed || given;
  uint64_t n = c.cluster.count();
  uint64_t most = f.non_portable_cluster ? limits::LARGEST_CLUSTER : limits::PORTABLE_CLUSTER;
  if (auto it = f.entry->directives.find("maxclusterrank");
      it != f.entry->directives.end() && !it->second.empty())
    most = std::min(most, it->second[0]);
  if (n < 1 || n > most)
    return fail(CUDA_ERROR_INVALID_CLUSTER_SIZE,
                who + " may have 1 to " + std::to_string(most) + " CTAs a cluster (above 8 needs " +
                    "CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED), found " + dims(c.cluster));
  if (c.grid.x % c.cluster.x || c.grid.y % c.cluster.y || c.grid.z % c.cluster.z)
    return fail(CUDA_ERROR_INVALID_CLUSTER_SIZE, who + " expects a grid that is whole clusters of " +
                                                     dims(c.cluster) + ", found " + dims(c.grid));
  return CUDA_SUCCESS;
}

CUresult check(FunctionHandle& f, const LaunchConfig& c, bool cooperative) {
  const std::string who = "kernel " + f.entry->name;
  const Program& p = f.owner->module->program(*f.entry);
  auto expect = [&](bool ok, const std::string& what, const std::string& got) {
    return ok ? CUDA_SUCCESS : fail(CUDA_ERROR_INVALID_VALUE, who + " expects " + what + ", found " + got);
  };
  uint64_t threads = c.block.count();
  SIM_TRY(expect(threads >= 1 && threads <= MAX_THREADS, "1 to 1024 threads a CTA", std::to_string(threads)));
  SIM_TRY(expect(c.block.z <= 64, "a block of at most 64 in z", std::to_string(c.block.z)));
  SIM_TRY(expect(c.grid.count() >= 1 && c.grid.x <= 0x7fffffff && c.grid.y <= 65535 && c.grid.z <= 65535,
                 "a grid of 1 to (2^31-1, 65535, 65535) CTAs", dims(c.grid)));
  SIM_TRY(expect(int(threads) <= threads_allowed(f),
                 "at most " + std::to_string(threads_allowed(f)) + " threads a CTA (.maxntid)",
                 std::to_string(threads)));
  if (c.dynamic_shared > uint32_t(f.max_dynamic_shared))
    return fail(
        CUDA_ERROR_INVALID_VALUE,
        who + " may use " + std::to_string(f.max_dynamic_shared) +
            " bytes of dynamic shared memory (CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES), found " +
            std::to_string(c.dynamic_shared));
  uint64_t shared = p.static_shared + uint64_t(c.dynamic_shared);
  SIM_TRY(expect(shared <= uint64_t(limits::SHARED_BLOCK), "at most 227 KB of shared memory",
                 std::to_string(shared)));
  if (auto it = f.entry->directives.find("maxnreg"); it != f.entry->directives.end() && !it->second.empty())
    if (ctas_per_sm(f, threads, 0) == 0)
      return fail(
          CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES,
          who + " of " + std::to_string(threads) + " threads needs more than the 65536 registers of an SM");
  uint64_t room = cooperative ? uint64_t(ctas_per_sm(f, threads, c.dynamic_shared)) * 148 : ~uint64_t(0);
  if (c.grid.count() > room)
    return fail(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE,
                who + ": a cooperative launch of " + std::to_string(c.grid.count()) + " CTAs, where " +
                    std::to_string(room) + " can live at once");
  return CUDA_SUCCESS;
}

}  // namespace

CUresult configure(FunctionHandle& f, const CUlaunchConfig& config, KernelWork& w) {
  LaunchConfig& c = w.config;
  w.function = &f;
  c.grid = {config.gridDimX, config.gridDimY, config.gridDimZ};
  c.block = {config.blockDimX, config.blockDimY, config.blockDimZ};
  c.dynamic_shared = config.sharedMemBytes;
  bool cooperative = false, cluster = false;
  if (config.numAttrs && !config.attrs)
    return fail(CUDA_ERROR_INVALID_VALUE,
                "kernel " + f.entry->name + " expects launch attributes, found null");
  w.attributes.assign(config.attrs, config.attrs + config.numAttrs);
  for (const CUlaunchAttribute& a : w.attributes) switch (a.id) {
      case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
        c.cluster = {a.value.clusterDim.x, a.value.clusterDim.y, a.value.clusterDim.z};
        cluster = true;
        break;
      case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
        cooperative = a.value.cooperative != 0;
        break;
      // Order and placement only: grids run one after the other, CTAs of a grid live at once when they wait
      // for one another. A preferred cluster is not taken: the required one is always right.
      case CU_LAUNCH_ATTRIBUTE_IGNORE:
      case CU_LAUNCH_ATTRIBUTE_PRIORITY:
      case CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW:
      case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION:
      case CU_LAUNCH_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
      case CU_LAUNCH_ATTRIBUTE_PREFERRED_CLUSTER_DIMENSION:
      case CU_LAUNCH_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
      case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN:
      case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN_MAP:
        break;
      default:
        return fail(CUDA_ERROR_NOT_SUPPORTED, "kernel " + f.entry->name + ": launch attribute " +
                                                  std::to_string(int(a.id)) + " is not known here");
    }
  SIM_TRY(check(f, c, cooperative));
  return settle_cluster(f, c, cluster);
}

CUresult KernelWork::run() {
  const VirtualOptions& o = virtual_options();
  config.check_uninitialised = o.check_uninitialised, config.check_order = o.check_order;
  config.async = o.async, config.seed = o.seed;
  config.profile = o.profile_on || !o.profile.empty();
  config.max_instructions = o.max_instructions;
  try {
    GridWorkspace workspace(attributes);
    config.grid_workspace = workspace.at;
    record(function->entry->name, launch(*function->owner->module, *function->entry, config, params));
    if (State::get().tell)
      for (const std::string& lint : take_lints()) State::get().tell(CUDA_SUCCESS, "lint: " + lint);
    return CUDA_SUCCESS;
  } catch (const Trap& t) {
    return fault(code_of(t), t.what());
  } catch (const std::invalid_argument& e) {
    return fail(CUDA_ERROR_INVALID_VALUE, e.what());
  } catch (const std::bad_alloc&) {
    return fail(CUDA_ERROR_OUT_OF_MEMORY,
                "the host has no memory for the CTAs of kernel " + function->entry->name);
  }
}

CUresult cuLaunchKernelEx(const CUlaunchConfig* config, CUfunction function, void** params, void** extra) {
  FunctionHandle* f = known_function(function);
  if (!f) return unknown_function();
  if (!config) return fail(CUDA_ERROR_INVALID_VALUE, "cuLaunchKernelEx expects a configuration, found null");
  SIM_TRY(ready());
  auto w = std::make_unique<KernelWork>();
  SIM_TRY(configure(*f, *config, *w));
  SIM_TRY(gather(*f, params, extra, w->params));
  return submit(config->hStream, std::move(w));
}

CUresult cuLaunchKernel(CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                        unsigned bz, unsigned shared, CUstream stream, void** params, void** extra) {
  CUlaunchConfig c = {};
  c.gridDimX = gx, c.gridDimY = gy, c.gridDimZ = gz;
  c.blockDimX = bx, c.blockDimY = by, c.blockDimZ = bz;
  c.sharedMemBytes = shared, c.hStream = stream;
  return driver::cuLaunchKernelEx(&c, function, params, extra);
}

}  // namespace sim::driver
