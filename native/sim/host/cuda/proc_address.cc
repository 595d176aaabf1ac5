// cuGetProcAddress: a function by its base name, in the version that CUDA `version` programs know.
#include <cstring>
#include <utility>

#include "../missing.h"

namespace sim::host {
#define VERSION(base, version, symbol) extern void at_##symbol() __asm__(#symbol);
#include "cuda_names.inc"
#undef VERSION
struct Row {
  const char* base;
  int version;
  void (*symbol)();
};
constexpr Row ROWS[] = {
#define VERSION(base, version, symbol) {#base, version, at_##symbol},
#include "cuda_names.inc"
#undef VERSION
};
}  // namespace sim::host

// The declarations above have no signatures, so cuda.h cannot be here; its types are plain integers and
// pointers.
extern "C" int cuGetProcAddress_v2(const char* name, void** function, int version, uint64_t, int* status) {
  if (!name || !function) return 1;  // CUDA_ERROR_INVALID_VALUE
  const sim::host::Row *best = nullptr, *any = nullptr;
  // since 12.0 the plain name is the form with flags
  const char* base =
      !std::strcmp(name, "cuGraphInstantiate") && version >= 12000 ? "cuGraphInstantiateWithFlags" : name;
  for (const sim::host::Row& r : sim::host::ROWS) {
    if (std::strcmp(r.base, base)) continue;
    any = &r;
    if (r.version <= version && (!best || r.version > best->version)) best = &r;
  }
  *function = best ? reinterpret_cast<void*>(best->symbol) : nullptr;
  if (status)
    *status = best  ? 0
              : any ? 2
                    : 1;  // CU_GET_PROC_ADDRESS_SUCCESS, _VERSION_NOT_SUFFICIENT, _SYMBOL_NOT_FOUND
  return best ? 0 : 500;  // CUDA_ERROR_NOT_FOUND
}
extern "C" int cuGetProcAddress(const char* name, void** function, int version, uint64_t flags) {
  return cuGetProcAddress_v2(name, function, version, flags, nullptr);
}

// NVIDIA's own runtime asks for these; they are private.
extern "C" int cuGetExportTable(const void** table, const void*) {
  if (table) *table = nullptr;
  std::fprintf(stderr,
               "virtual SM100: the program asks for a private table of NVIDIA's driver, as the statically "
               "linked CUDA runtime "
               "does: link it with nvcc -cudart shared\n");
  return 500;
}
