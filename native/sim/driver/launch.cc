// Modules, functions and launches.
#include <cstring>

#include "state.h"

namespace sim::driver {

namespace {

FunctionHandle* known(CUfunction f) {
  auto* h = reinterpret_cast<FunctionHandle*>(f);
  std::lock_guard g(State::get().lock);
  return State::get().functions.count(h) ? h : nullptr;
}
CUresult unknown_function() {
  return fail(CUDA_ERROR_INVALID_HANDLE, "expected a function of a loaded module");
}

// compute_100 code and older runs; "a" and "f" code is for one architecture only.
bool runs_here(const std::string& target) {
  if (target == virtual_options().extra_target) return true;
  if (target.rfind("sm_", 0) != 0) return false;
  int number = std::atoi(target.c_str() + 3);
  bool specific = target.back() == 'a' || target.back() == 'f';
  return specific ? number == 100 : number <= 100;
}

CUresult code_of(const Trap& t) {
  switch (t.cause) {
    case Trap::illegal_address: return CUDA_ERROR_ILLEGAL_ADDRESS;
    case Trap::misaligned: return CUDA_ERROR_MISALIGNED_ADDRESS;
    case Trap::illegal_instruction: return CUDA_ERROR_ILLEGAL_INSTRUCTION;
    case Trap::assertion: return CUDA_ERROR_ASSERT;
    case Trap::limit: return CUDA_ERROR_LAUNCH_TIMEOUT;
    default: return CUDA_ERROR_LAUNCH_FAILED;
  }
}

CUresult gather(const FunctionHandle& f, void** values, void** extra, std::vector<uint8_t>& out) {
  const Program& p = f.owner->module->program(*f.entry);
  out.assign(p.param_bytes, 0);
  if (extra) {
    const uint8_t* buffer = nullptr;
    size_t size = 0;
    for (void** e = extra; *e != CU_LAUNCH_PARAM_END; e += 2) {
      if (*e == CU_LAUNCH_PARAM_BUFFER_POINTER)
        buffer = static_cast<const uint8_t*>(e[1]);
      else if (*e == CU_LAUNCH_PARAM_BUFFER_SIZE)
        size = *static_cast<const size_t*>(e[1]);
      else
        return fail(CUDA_ERROR_INVALID_VALUE,
                    "kernel " + f.entry->name + ": unknown launch parameter option");
    }
    if (!buffer || size != out.size())
      return fail(CUDA_ERROR_INVALID_VALUE, "kernel " + f.entry->name + " expects a buffer of " +
                                                std::to_string(out.size()) + " bytes of parameters, found " +
                                                std::to_string(size));
    std::memcpy(out.data(), buffer, size);
    return CUDA_SUCCESS;
  }
  const auto& params = f.entry->params;
  if (!params.empty() && !values)
    return fail(CUDA_ERROR_INVALID_VALUE, "kernel " + f.entry->name + " expects parameters, found null");
  for (size_t k = 0; k < params.size(); ++k) {
    if (!values[k])
      return fail(CUDA_ERROR_INVALID_VALUE,
                  "kernel " + f.entry->name + ": parameter " + std::to_string(k) + " is null");
    std::memcpy(out.data() + p.param_offsets[k], values[k], params[k].bytes);
  }
  return CUDA_SUCCESS;
}

CUresult start(FunctionHandle* f, LaunchConfig c, CUstream stream, void** values, void** extra) {
  SIM_TRY(ready());
  SIM_TRY(known_stream(stream));
  if (values && extra)
    return fail(CUDA_ERROR_INVALID_VALUE, "a launch takes kernelParams or extra, found both");
  if (c.dynamic_shared > uint32_t(f->max_dynamic_shared))
    return fail(
        CUDA_ERROR_INVALID_VALUE,
        "kernel " + f->entry->name + " may use " + std::to_string(f->max_dynamic_shared) +
            " bytes of dynamic shared memory (CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES), found " +
            std::to_string(c.dynamic_shared));
  std::vector<uint8_t> params;
  SIM_TRY(gather(*f, values, extra, params));
  c.check_uninitialised = virtual_options().check_uninitialised;
  c.max_instructions = virtual_options().max_instructions;
  // A fault leaves a real GPU's context unusable. Here it is told once, by the launch itself, and the context
  // goes on: a harness that runs many cases in one process still gets the others' results.
  try {
    record(f->entry->name, launch(*f->owner->module, *f->entry, c, params));
    return CUDA_SUCCESS;
  } catch (const Trap& t) {
    return fail(code_of(t), t.what());
  } catch (const std::invalid_argument& e) {
    return fail(CUDA_ERROR_INVALID_VALUE, e.what());
  } catch (const std::bad_alloc&) {
    return fail(CUDA_ERROR_OUT_OF_MEMORY, "the host has no memory for the CTAs of kernel " + f->entry->name);
  }
}

}  // namespace

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  SIM_TRY(ready());
  if (!module || !image)
    return fail(CUDA_ERROR_INVALID_VALUE, "cuModuleLoadData expects PTX text and a place for the module");
  const char* text = static_cast<const char*>(image);
  if (!std::memcmp(text,
                   "\x7f"
                   "ELF",
                   4) ||
      !std::memcmp(text, "\x50\xed\x55\xba", 4))
    return fail(CUDA_ERROR_NO_BINARY_FOR_GPU,
                "the virtual SM100 runs PTX text, found a binary: compile with nvcc -ptx -arch=compute_100a");
  auto h = std::make_unique<ModuleHandle>();
  try {
    h->module = Module::load(text);
    const std::string& target = h->module->text().target;
    if (!runs_here(target))
      return fail(CUDA_ERROR_NO_BINARY_FOR_GPU,
                  "expected PTX for sm_100a, sm_100 or older without a suffix, found .target " + target);
    for (const std::string& name : h->module->entries()) h->module->program(*h->module->entry(name));
  } catch (const ptx::ParseError& e) {
    return fail(CUDA_ERROR_INVALID_PTX, e.what());
  }
  std::lock_guard g(State::get().lock);
  *module = reinterpret_cast<CUmodule>(h.get());
  State::get().modules[h.get()] = std::move(h);
  return CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule module) {
  SIM_TRY(ready());
  auto* h = reinterpret_cast<ModuleHandle*>(module);
  std::lock_guard g(State::get().lock);
  auto it = State::get().modules.find(h);
  if (it == State::get().modules.end())
    return fail(CUDA_ERROR_INVALID_HANDLE, "cuModuleUnload expects a loaded module");
  for (const auto& [name, f] : h->functions) State::get().functions.erase(f.get());
  State::get().modules.erase(it);
  return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
  SIM_TRY(ready());
  auto* h = reinterpret_cast<ModuleHandle*>(module);
  std::lock_guard g(State::get().lock);
  if (!State::get().modules.count(h))
    return fail(CUDA_ERROR_INVALID_HANDLE, "cuModuleGetFunction expects a loaded module");
  if (!function || !name)
    return fail(CUDA_ERROR_INVALID_VALUE, "cuModuleGetFunction expects a name and a place for the function");
  const ptx::Function* entry = h->module->entry(name);
  if (!entry) {
    std::string all;
    for (const std::string& e : h->module->entries()) all += (all.empty() ? "" : ", ") + e;
    return fail(CUDA_ERROR_NOT_FOUND, "expected an entry of the module (" + all + "), found '" + name + "'");
  }
  auto& f = h->functions[name];
  if (!f) {
    int fixed = int(h->module->program(*entry).static_shared);
    f = std::make_unique<FunctionHandle>(FunctionHandle{h, entry, std::max(0, 48 * 1024 - fixed)});
    State::get().functions.insert(f.get());
  }
  *function = reinterpret_cast<CUfunction>(f.get());
  return CUDA_SUCCESS;
}

CUresult cuModuleGetGlobal(CUdeviceptr* at, size_t* bytes, CUmodule module, const char* name) {
  SIM_TRY(ready());
  auto* h = reinterpret_cast<ModuleHandle*>(module);
  std::lock_guard g(State::get().lock);
  if (!State::get().modules.count(h))
    return fail(CUDA_ERROR_INVALID_HANDLE, "cuModuleGetGlobal expects a loaded module");
  uint64_t address = 0, size = 0;
  if (!name || !h->module->variable(name, address, size))
    return fail(CUDA_ERROR_NOT_FOUND,
                std::string("expected a variable of the module, found '") + (name ? name : "null") + "'");
  if (at) *at = address;
  if (bytes) *bytes = size;
  return CUDA_SUCCESS;
}

CUresult cuFuncGetAttribute(int* value, CUfunction_attribute attribute, CUfunction function) {
  SIM_TRY(ready());
  FunctionHandle* f = known(function);
  if (!f) return unknown_function();
  if (!value)
    return fail(CUDA_ERROR_INVALID_VALUE, "cuFuncGetAttribute expects a place for the value, found null");
  const Program& p = f->owner->module->program(*f->entry);
  const auto& d = f->entry->directives;
  switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: {
      uint64_t n = 1;
      auto it = d.find("maxntid");
      if (it == d.end()) it = d.find("reqntid");
      if (it != d.end())
        for (uint64_t e : it->second) n *= e;
      *value = it == d.end() ? int(MAX_THREADS) : int(n);
      break;
    }
    case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES: *value = int(p.static_shared); break;
    case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES: *value = 0; break;
    case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES: *value = int(p.local_bytes); break;
    case CU_FUNC_ATTRIBUTE_NUM_REGS:
      *value = int(std::min(255u, p.register_peak));
      break;  // values alive at once; ptxas may need more or fewer
    case CU_FUNC_ATTRIBUTE_PTX_VERSION: *value = std::atoi(p.module->target.c_str() + 3); break;
    case CU_FUNC_ATTRIBUTE_BINARY_VERSION: *value = 100; break;
    case CU_FUNC_ATTRIBUTE_CACHE_MODE_CA: *value = 0; break;
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *value = f->max_dynamic_shared; break;
    case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT: *value = -1; break;
    default:
      return fail(CUDA_ERROR_INVALID_VALUE,
                  "functions have no attribute " + std::to_string(int(attribute)) + " here");
  }
  return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
  SIM_TRY(ready());
  FunctionHandle* f = known(function);
  if (!f) return unknown_function();
  if (attribute == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT ||
      attribute == CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED)
    return CUDA_SUCCESS;
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES)
    return fail(CUDA_ERROR_INVALID_VALUE,
                "attribute " + std::to_string(int(attribute)) + " of a function cannot be set here");
  int fixed = int(f->owner->module->program(*f->entry).static_shared);
  if (value < 0 || value > int(MAX_SHARED) - fixed)
    return fail(CUDA_ERROR_INVALID_VALUE,
                "kernel " + f->entry->name + " may have 0 to " + std::to_string(int(MAX_SHARED) - fixed) +
                    " bytes of dynamic shared memory, found " + std::to_string(value));
  f->max_dynamic_shared = value;
  return CUDA_SUCCESS;
}

CUresult cuLaunchKernel(CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                        unsigned bz, unsigned shared, CUstream stream, void** params, void** extra) {
  FunctionHandle* f = known(function);
  if (!f) return unknown_function();
  LaunchConfig c;
  c.grid = {gx, gy, gz}, c.block = {bx, by, bz}, c.dynamic_shared = shared;
  return start(f, c, stream, params, extra);
}

CUresult cuLaunchKernelEx(const CUlaunchConfig* config, CUfunction function, void** params, void** extra) {
  FunctionHandle* f = known(function);
  if (!f) return unknown_function();
  if (!config) return fail(CUDA_ERROR_INVALID_VALUE, "cuLaunchKernelEx expects a configuration, found null");
  LaunchConfig c;
  c.grid = {config->gridDimX, config->gridDimY, config->gridDimZ};
  c.block = {config->blockDimX, config->blockDimY, config->blockDimZ};
  c.dynamic_shared = config->sharedMemBytes;
  for (unsigned k = 0; k < config->numAttrs; ++k) {
    const CUlaunchAttribute& a = config->attrs[k];
    switch (a.id) {
      case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
        c.cluster = {a.value.clusterDim.x, a.value.clusterDim.y, a.value.clusterDim.z};
        break;
      // Order and placement only: grids run one after the other, CTAs of a grid live at once when they wait
      // for one another.
      case CU_LAUNCH_ATTRIBUTE_IGNORE:
      case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
      case CU_LAUNCH_ATTRIBUTE_PRIORITY:
      case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION:
      case CU_LAUNCH_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE: break;
      default:
        return fail(CUDA_ERROR_NOT_SUPPORTED, "kernel " + f->entry->name + ": launch attribute " +
                                                  std::to_string(int(a.id)) + " is not known here");
    }
  }
  return start(f, c, config->hStream, params, extra);
}

}  // namespace sim::driver
