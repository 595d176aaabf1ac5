// Modules from files and with options; libraries and kernels, which are modules and functions by another
// name.
#include <cstring>

#include "common.h"

using namespace sim::host;

namespace {

CUresult from_file(CUmodule* module, const char* path, const char* call) {
  if (!path || !module) return null(call, "a file name and a place for the module");
  std::string bytes;
  if (!read_file(path, bytes))
    return fail(CUDA_ERROR_FILE_NOT_FOUND, std::string(call) + " expects a file, found " + path);
  return sim::driver::cuModuleLoadData(module, bytes.c_str());
}
// A buffer that the caller of the linker or loader gave for messages stays empty.
void no_messages(unsigned n, CUjit_option* options, void** values) {
  for (unsigned k = 0; k < n; ++k)
    if (options[k] == CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES || options[k] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
      values[k] = nullptr;
}
CUmodule module_of(CUlibrary library) { return reinterpret_cast<CUmodule>(library); }
CUfunction function_of(CUkernel kernel) { return reinterpret_cast<CUfunction>(kernel); }

CUresult entries(CUmodule module, std::vector<std::string>& names) {
  SIM_TRY(ready());
  std::lock_guard g(State::get().lock);
  auto it = State::get().modules.find(reinterpret_cast<ModuleHandle*>(module));
  if (it == State::get().modules.end())
    return fail(CUDA_ERROR_INVALID_HANDLE, "expected a module or library that is loaded");
  names = it->second->module->entries();
  return CUDA_SUCCESS;
}
CUresult enumerate(CUmodule module, unsigned n, CUfunction* out) {
  std::vector<std::string> names;
  SIM_TRY(entries(module, names));
  if (n && !out) return null("enumeration of kernels", "room for them");
  for (unsigned k = 0; k < n && k < names.size(); ++k)
    SIM_TRY(sim::driver::cuModuleGetFunction(&out[k], module, names[k].c_str()));
  return CUDA_SUCCESS;
}
CUresult parameter(CUfunction function, size_t index, size_t* offset, size_t* size) {
  FunctionHandle* f = known_function(function);
  if (!f) return unknown_function();
  const auto& p = f->owner->module->program(*f->entry);
  if (index >= p.param_offsets.size()) return CUDA_ERROR_INVALID_VALUE;  // how a caller finds their number
  if (offset) *offset = p.param_offsets[index];
  if (size) *size = f->entry->params[index].bytes;
  return CUDA_SUCCESS;
}

}  // namespace

CUresult cuModuleLoad(CUmodule* module, const char* path) { return from_file(module, path, "cuModuleLoad"); }
CUresult cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned n, CUjit_option* options,
                            void** values) {
  no_messages(n, options, values);
  return sim::driver::cuModuleLoadData(module, image);
}
CUresult cuModuleLoadFatBinary(CUmodule* module, const void* image) {
  return sim::driver::cuModuleLoadData(module, image);
}
CUresult cuModuleGetLoadingMode(CUmoduleLoadingMode* mode) {
  if (!mode) return null("cuModuleGetLoadingMode");
  *mode = CU_MODULE_LAZY_LOADING;
  return CUDA_SUCCESS;
}
CUresult cuModuleGetFunctionCount(unsigned* count, CUmodule module) {
  std::vector<std::string> names;
  SIM_TRY(entries(module, names));
  if (!count) return null("cuModuleGetFunctionCount");
  *count = unsigned(names.size());
  return CUDA_SUCCESS;
}
CUresult cuModuleEnumerateFunctions(CUfunction* out, unsigned n, CUmodule module) {
  return enumerate(module, n, out);
}

CUresult cuLibraryLoadData(CUlibrary* library, const void* image, CUjit_option*, void**, unsigned,
                           CUlibraryOption*, void**, unsigned) {
  return sim::driver::cuModuleLoadData(reinterpret_cast<CUmodule*>(library), image);
}
CUresult cuLibraryLoadFromFile(CUlibrary* library, const char* path, CUjit_option*, void**, unsigned,
                               CUlibraryOption*, void**, unsigned) {
  return from_file(reinterpret_cast<CUmodule*>(library), path, "cuLibraryLoadFromFile");
}
CUresult cuLibraryUnload(CUlibrary library) { return sim::driver::cuModuleUnload(module_of(library)); }
CUresult cuLibraryGetKernel(CUkernel* kernel, CUlibrary library, const char* name) {
  return sim::driver::cuModuleGetFunction(reinterpret_cast<CUfunction*>(kernel), module_of(library), name);
}
CUresult cuLibraryGetKernelCount(unsigned* count, CUlibrary library) {
  return cuModuleGetFunctionCount(count, module_of(library));
}
CUresult cuLibraryEnumerateKernels(CUkernel* out, unsigned n, CUlibrary library) {
  return enumerate(module_of(library), n, reinterpret_cast<CUfunction*>(out));
}
CUresult cuLibraryGetModule(CUmodule* module, CUlibrary library) {
  if (!module) return null("cuLibraryGetModule");
  *module = module_of(library);
  return CUDA_SUCCESS;
}
CUresult cuLibraryGetGlobal(CUdeviceptr* at, size_t* bytes, CUlibrary library, const char* name) {
  return sim::driver::cuModuleGetGlobal(at, bytes, module_of(library), name);
}
CUresult cuLibraryGetManaged(CUdeviceptr* at, size_t* bytes, CUlibrary library, const char* name) {
  return sim::driver::cuModuleGetGlobal(at, bytes, module_of(library), name);
}

CUresult cuKernelGetFunction(CUfunction* function, CUkernel kernel) {
  if (!function) return null("cuKernelGetFunction");
  if (!known_function(function_of(kernel))) return unknown_function();
  *function = function_of(kernel);
  return CUDA_SUCCESS;
}
CUresult cuKernelGetLibrary(CUlibrary* library, CUkernel kernel) {
  FunctionHandle* f = known_function(function_of(kernel));
  if (!f) return unknown_function();
  *library = reinterpret_cast<CUlibrary>(f->owner);
  return CUDA_SUCCESS;
}
CUresult cuKernelGetAttribute(int* value, CUfunction_attribute attribute, CUkernel kernel, CUdevice) {
  return sim::driver::cuFuncGetAttribute(value, attribute, function_of(kernel));
}
CUresult cuKernelSetAttribute(CUfunction_attribute attribute, int value, CUkernel kernel, CUdevice) {
  return sim::driver::cuFuncSetAttribute(function_of(kernel), attribute, value);
}
CUresult cuKernelSetCacheConfig(CUkernel kernel, CUfunc_cache, CUdevice) {
  return known_function(function_of(kernel)) ? CUDA_SUCCESS : unknown_function();
}
CUresult cuKernelGetName(const char** name, CUkernel kernel) {
  return cuFuncGetName(name, function_of(kernel));
}
CUresult cuKernelGetParamInfo(CUkernel kernel, size_t index, size_t* offset, size_t* size) {
  return parameter(function_of(kernel), index, offset, size);
}
CUresult cuFuncGetName(const char** name, CUfunction function) {
  FunctionHandle* f = known_function(function);
  if (!f) return unknown_function();
  if (!name) return null("cuFuncGetName");
  *name = f->entry->name.c_str();
  return CUDA_SUCCESS;
}
CUresult cuFuncGetParamInfo(CUfunction function, size_t index, size_t* offset, size_t* size) {
  return parameter(function, index, offset, size);
}
CUresult cuFuncGetModule(CUmodule* module, CUfunction function) {
  FunctionHandle* f = known_function(function);
  if (!f) return unknown_function();
  *module = reinterpret_cast<CUmodule>(f->owner);
  return CUDA_SUCCESS;
}
CUresult cuFuncSetCacheConfig(CUfunction function, CUfunc_cache) {
  return known_function(function) ? CUDA_SUCCESS : unknown_function();
}
CUresult cuFuncSetSharedMemConfig(CUfunction function, CUsharedconfig) {
  return known_function(function) ? CUDA_SUCCESS : unknown_function();
}
CUresult cuFuncIsLoaded(CUfunctionLoadingState* state, CUfunction) {
  if (!state) return null("cuFuncIsLoaded");
  *state = CU_FUNCTION_LOADING_STATE_LOADED;
  return CUDA_SUCCESS;
}
CUresult cuFuncLoad(CUfunction function) {
  return known_function(function) ? CUDA_SUCCESS : unknown_function();
}

CUresult cuLaunchCooperativeKernel(CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                                   unsigned by, unsigned bz, unsigned shared, CUstream stream,
                                   void** params) {
  CUlaunchAttribute cooperative = {};
  cooperative.id = CU_LAUNCH_ATTRIBUTE_COOPERATIVE, cooperative.value.cooperative = 1;
  CUlaunchConfig c = {gx, gy, gz, bx, by, bz, shared, stream, &cooperative, 1};
  return sim::driver::cuLaunchKernelEx(&c, function, params, nullptr);
}
