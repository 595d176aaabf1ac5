// What nvcc's host code registers before main: fat binaries, kernels, variables. A fat binary becomes a
// module when something of it is first used, as CUDA's lazy loading does.
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common.h"

namespace sim::cudart {

namespace {

struct Managed {
  void** host;
  const char* name;
};
struct Image {
  const void* wrapper;
  CUmodule module = nullptr;
  CUresult failed = CUDA_SUCCESS;
  std::vector<Managed> managed;
};
struct Named {
  Image* image;
  const char* name;
  CUfunction function = nullptr;
};
struct Registry {
  std::recursive_mutex lock;
  std::map<void**, std::unique_ptr<Image>> images;
  std::map<const void*, Named> functions, variables;
};
Registry& registry() {
  static Registry* r = new Registry;  // programs unregister after static destructors
  return *r;
}

CUresult load(Image& i) {
  if (i.module || i.failed != CUDA_SUCCESS) return i.failed;
  if (CUresult r = start()) return r;
  i.failed = cuModuleLoadData(&i.module, i.wrapper);
  for (const Managed& m : i.managed) {
    CUdeviceptr at = 0;
    if (i.failed == CUDA_SUCCESS) i.failed = cuModuleGetGlobal(&at, nullptr, i.module, m.name);
    if (i.failed == CUDA_SUCCESS) *m.host = reinterpret_cast<void*>(at);
  }
  return i.failed;
}

// PTX text counts from the name's mangled form; nvcc passes it as it stands there.
CUresult resolve(Named& n) {
  if (n.function) return CUDA_SUCCESS;
  if (CUresult r = load(*n.image)) return r;
  return cuModuleGetFunction(&n.function, n.image->module, n.name);
}

}  // namespace

CUresult function_of(const void* host, CUfunction& f) {
  Registry& r = registry();
  std::lock_guard g(r.lock);
  auto it = r.functions.find(host);
  if (it == r.functions.end()) {
    f = reinterpret_cast<CUfunction>(
        const_cast<void*>(host));  // a kernel or function handle; the driver knows whether
    return start();
  }
  if (CUresult e = resolve(it->second)) return e;
  f = it->second.function;
  return CUDA_SUCCESS;
}

CUresult variable_of(const void* host, CUdeviceptr& at, size_t& bytes) {
  Registry& r = registry();
  std::lock_guard g(r.lock);
  auto it = r.variables.find(host);
  if (it == r.variables.end()) return CUresult(cudaErrorInvalidSymbol);
  if (CUresult e = load(*it->second.image)) return e;
  return cuModuleGetGlobal(&at, &bytes, it->second.image->module, it->second.name);
}

}  // namespace sim::cudart

using namespace sim::cudart;

extern "C" {

void** __cudaRegisterFatBinary(void* wrapper) {
  Registry& r = registry();
  std::lock_guard g(r.lock);
  auto image = std::make_unique<Image>();
  image->wrapper = wrapper;
  auto handle = reinterpret_cast<void**>(image.get());
  r.images[handle] = std::move(image);
  return handle;
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void** handle) {
  Registry& r = registry();
  std::lock_guard g(r.lock);
  auto it = r.images.find(handle);
  if (it == r.images.end()) return;
  Image* image = it->second.get();
  auto of_image = [&](const auto& entry) { return entry.second.image == image; };
  std::erase_if(r.functions, of_image);
  std::erase_if(r.variables, of_image);
  if (image->module) cuModuleUnload(image->module);
  r.images.erase(it);
}
void __cudaRegisterFunction(void** handle, const char* host, char*, const char* name, int, uint3*, uint3*,
                            dim3*, dim3*, int*) {
  Registry& r = registry();
  std::lock_guard g(r.lock);
  r.functions[host] = {r.images.at(handle).get(), name};
}
void __cudaRegisterVar(void** handle, char* host, char*, const char* name, int, size_t, int, int) {
  Registry& r = registry();
  std::lock_guard g(r.lock);
  r.variables[host] = {r.images.at(handle).get(), name};
}
void __cudaRegisterHostVar(void** handle, const char* name, char* host, size_t) {
  __cudaRegisterVar(handle, host, nullptr, name, 0, 0, 0, 0);
}
void __cudaRegisterManagedVar(void** handle, void** host, char*, const char* name, int, size_t, int, int) {
  Registry& r = registry();
  std::lock_guard g(r.lock);
  Image* image = r.images.at(handle).get();
  r.variables[host] = {image, name};
  image->managed.push_back({host, name});
}
char __cudaInitModule(void** handle) {
  Registry& r = registry();
  std::lock_guard g(r.lock);
  auto it = r.images.find(handle);
  return it != r.images.end() && note(load(*it->second)) == cudaSuccess;
}

cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* host) {
  CUfunction f = nullptr;
  CUresult e = function_of(host, f);
  // The caller keeps the answer for good, so a module that could not be loaded is found again at the launch
  // by the host address.
  *kernel =
      reinterpret_cast<cudaKernel_t>(e == CUDA_SUCCESS ? static_cast<void*>(f) : const_cast<void*>(host));
  return note(e);
}
cudaError_t cudaGetKernel(cudaKernel_t* kernel, const void* host) {
  CUfunction f = nullptr;
  RT_TRY(function_of(host, f));
  *kernel = reinterpret_cast<cudaKernel_t>(f);
  return cudaSuccess;
}
cudaError_t cudaGetFuncBySymbol(cudaFunction_t* function, const void* host) {
  CUfunction f = nullptr;
  RT_TRY(function_of(host, f));
  *function = f;
  return cudaSuccess;
}
}
