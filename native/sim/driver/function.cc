// Functions: attributes, and parameters in the entry's layout.
#include <cstring>

#include "limits.h"
#include "state.h"

namespace sim::driver {

FunctionHandle* known_function(CUfunction f) {
  auto* h = reinterpret_cast<FunctionHandle*>(f);
  std::lock_guard g(State::get().lock);
  return State::get().functions.count(h) ? h : nullptr;
}
CUresult unknown_function() {
  return fail(CUDA_ERROR_INVALID_HANDLE, "expected a function of a loaded module");
}

CUresult gather(const FunctionHandle& f, void** values, void** extra, std::vector<uint8_t>& out) {
  const Program& p = f.owner->module->program(*f.entry);
  out.assign(p.param_bytes, 0);
  if (values && extra)
    return fail(CUDA_ERROR_INVALID_VALUE, "a launch takes kernelParams or extra, found both");
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

CUresult cuFuncGetAttribute(int* value, CUfunction_attribute attribute, CUfunction function) {
  SIM_TRY(ready());
  FunctionHandle* f = known_function(function);
  if (!f) return unknown_function();
  if (!value)
    return fail(CUDA_ERROR_INVALID_VALUE, "cuFuncGetAttribute expects a place for the value, found null");
  const Program& p = f->owner->module->program(*f->entry);
  switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
      *value = threads_allowed(*f);
      break;
    case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
      *value = int(p.static_shared);
      break;
    case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES:
      *value = 0;
      break;
    case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
      *value = int(p.local_bytes);
      break;
    case CU_FUNC_ATTRIBUTE_NUM_REGS:
      *value = registers_of(*f);
      break;
    case CU_FUNC_ATTRIBUTE_PTX_VERSION:
      *value = std::atoi(p.module->target.c_str() + 3);
      break;
    case CU_FUNC_ATTRIBUTE_BINARY_VERSION:
      *value = 100;
      break;
    case CU_FUNC_ATTRIBUTE_CACHE_MODE_CA:
      *value = 0;
      break;
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
      *value = f->max_dynamic_shared;
      break;
    case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
      *value = f->carveout;
      break;
    case CU_FUNC_ATTRIBUTE_CLUSTER_SIZE_MUST_BE_SET:
      *value =
          f->entry->directives.count("explicitcluster") && !f->entry->directives.count("reqnctapercluster");
      break;
    case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH:
    case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_HEIGHT:
    case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_DEPTH: {
      size_t k = attribute - CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH;
      auto it = f->entry->directives.find("reqnctapercluster");
      *value = it == f->entry->directives.end() ? f->required_cluster[k]
               : k < it->second.size()          ? int(it->second[k])
                                                : 1;
      break;
    }
    case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED:
      *value = f->non_portable_cluster;
      break;
    case CU_FUNC_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
      *value = CU_CLUSTER_SCHEDULING_POLICY_DEFAULT;
      break;
    default:
      return fail(CUDA_ERROR_INVALID_VALUE,
                  "functions have no attribute " + std::to_string(int(attribute)) + " here");
  }
  return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
  SIM_TRY(ready());
  FunctionHandle* f = known_function(function);
  if (!f) return unknown_function();
  int fixed = int(f->owner->module->program(*f->entry).static_shared);
  switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
      if (value < 0 || value > limits::SHARED_BLOCK - fixed)
        return fail(CUDA_ERROR_INVALID_VALUE, "kernel " + f->entry->name + " may have 0 to " +
                                                  std::to_string(limits::SHARED_BLOCK - fixed) +
                                                  " bytes of dynamic shared memory, found " +
                                                  std::to_string(value));
      f->max_dynamic_shared = value;
      break;
    case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
      if (value < -1 || value > 100)
        return fail(CUDA_ERROR_INVALID_VALUE,
                    "a shared memory carveout is -1 to 100 percent, found " + std::to_string(value));
      f->carveout = value;
      break;
    case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED:
      f->non_portable_cluster = value != 0;
      break;
    case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH:
    case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_HEIGHT:
    case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_DEPTH:
      if (f->entry->directives.count("reqnctapercluster"))
        return fail(CUDA_ERROR_NOT_PERMITTED,
                    "kernel " + f->entry->name + " was compiled with its cluster size");
      f->required_cluster[attribute - CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH] = value;
      break;
    case CU_FUNC_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
      break;  // placement only
    default:
      return fail(CUDA_ERROR_INVALID_VALUE,
                  "attribute " + std::to_string(int(attribute)) + " of a function cannot be set here");
  }
  return CUDA_SUCCESS;
}

}  // namespace sim::driver

namespace sim {

std::vector<uint32_t> parameter_bytes(CUfunction function) {
  std::vector<uint32_t> all;
  if (const driver::FunctionHandle* f = driver::known_function(function))
    for (const ptx::Variable& p : f->entry->params) all.push_back(uint32_t(p.bytes));
  return all;
}

}  // namespace sim
