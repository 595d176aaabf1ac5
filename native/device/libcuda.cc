#include "libcuda.h"

#include <dlfcn.h>

namespace device {
namespace {

// The argument is macro-expanded before it is quoted: cuMemAlloc asks for the symbol cuMemAlloc_v2, which the header declares.
#define SYMBOL(name) #name
#define SYMBOL_OF(name) SYMBOL(name)

const Driver* open_libcuda() {
  static Driver d;
  void* lib = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!lib) return nullptr;
#define BIND(name)                                                             \
  d.name = reinterpret_cast<decltype(d.name)>(dlsym(lib, SYMBOL_OF(name)));    \
  if (!d.name) return nullptr;
  DEVICE_ENTRY_POINTS(BIND)
#undef BIND
  d.last_error_detail = [] { return ""; };
  int n = 0;
  if (d.cuInit(0) != CUDA_SUCCESS || d.cuDeviceGetCount(&n) != CUDA_SUCCESS || n == 0) return nullptr;
  return &d;
}

}  // namespace

const Driver* libcuda() {
  static const Driver* const driver = open_libcuda();
  return driver;
}

}  // namespace device
