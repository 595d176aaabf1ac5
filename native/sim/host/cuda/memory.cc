// Memory beyond native/sim/driver/memory.cc: pinned and managed memory, which are plain device memory here
// (the host can read and write it at the same address), registered host memory, and what a pointer is.
#include <map>

#include "common.h"

using namespace sim::host;
using sim::Memory;

namespace {

std::map<uint64_t, size_t>
    registered;  // host ranges of cuMemHostRegister, by address; State's lock guards them

// The host writes such memory directly, so all of it counts as written.
CUresult shared_memory(const char* call, uint64_t* at, size_t bytes, MemoryKind kind) {
  SIM_TRY(ready());
  SIM_TRY(unsafe_in_capture(call));
  if (!at || !bytes)
    return fail(CUDA_ERROR_INVALID_VALUE,
                std::string(call) + " expects a size above 0 and a place for the address");
  *at =
      Memory::device().allocate(bytes, kind == MemoryKind::pinned ? "pinned memory" : "managed memory", 4096);
  if (!*at)
    return fail(CUDA_ERROR_OUT_OF_MEMORY,
                std::string(call) + " of " + std::to_string(bytes) + " bytes: out of memory");
  Memory::device().find(*at)->all_written = true;
  std::lock_guard g(State::get().lock);
  State::get().kinds[*at] = kind;
  return CUDA_SUCCESS;
}
CUresult release(uint64_t at, const char* call) {
  SIM_TRY(ready());
  {
    std::lock_guard g(State::get().lock);
    auto it = State::get().kinds.find(at);
    if (at && (it == State::get().kinds.end() || it->second != MemoryKind::pinned))
      return fail(CUDA_ERROR_INVALID_VALUE,
                  std::string(call) + " expects the address of pinned memory, found " + hex(at));
    if (at) State::get().kinds.erase(it);
  }
  if (at) Memory::device().release(at);
  return CUDA_SUCCESS;
}
uint64_t address(const void* p) { return reinterpret_cast<uint64_t>(p); }

struct Range {
  uint64_t base = 0, bytes = 0;
  MemoryKind kind = MemoryKind::device;
};
bool range_of(uint64_t at, Range& r) {
  auto a = Memory::device().holds(at) ? Memory::device().find(at) : nullptr;
  if (!a || at >= a->base + a->bytes) return false;
  r.base = a->base, r.bytes = a->bytes;
  std::lock_guard g(State::get().lock);
  auto it = State::get().kinds.find(a->base);
  if (it != State::get().kinds.end()) r.kind = it->second;
  return true;
}

}  // namespace

CUresult cuMemHostAlloc(void** at, size_t bytes, unsigned) {
  return shared_memory("cuMemHostAlloc", reinterpret_cast<uint64_t*>(at), bytes, MemoryKind::pinned);
}
CUresult cuMemAllocHost(void** at, size_t bytes) {
  return shared_memory("cuMemAllocHost", reinterpret_cast<uint64_t*>(at), bytes, MemoryKind::pinned);
}
CUresult cuMemFreeHost(void* at) { return release(address(at), "cuMemFreeHost"); }
CUresult cuMemAllocManaged(CUdeviceptr* at, size_t bytes, unsigned) {
  uint64_t a = 0;
  SIM_TRY(shared_memory("cuMemAllocManaged", at ? &a : nullptr, bytes, MemoryKind::managed));
  *at = a;
  return CUDA_SUCCESS;
}
CUresult cuMemAllocPitch(CUdeviceptr* at, size_t* pitch, size_t width, size_t height, unsigned) {
  if (!pitch) return null("cuMemAllocPitch", "a place for the pitch");
  *pitch = (width + 511) / 512 * 512;
  return sim::driver::cuMemAlloc(at, *pitch * height);
}
CUresult cuMemHostGetDevicePointer(CUdeviceptr* at, void* host, unsigned) {
  SIM_TRY(ready());
  if (!at) return null("cuMemHostGetDevicePointer");
  Range r;
  if (!range_of(address(host), r))
    return fail(CUDA_ERROR_NOT_SUPPORTED,
                "kernels reach pinned memory of cuMemHostAlloc, not host memory that was registered: " +
                    hex(address(host)));
  *at = address(host);
  return CUDA_SUCCESS;
}
CUresult cuMemHostGetFlags(unsigned* flags, void* host) {
  Range r;
  if (!flags || !range_of(address(host), r) || r.kind != MemoryKind::pinned)
    return fail(CUDA_ERROR_INVALID_VALUE, "cuMemHostGetFlags expects pinned memory");
  *flags = CU_MEMHOSTALLOC_DEVICEMAP;
  return CUDA_SUCCESS;
}
CUresult cuMemHostRegister(void* host, size_t bytes, unsigned) {
  SIM_TRY(ready());
  if (!host || !bytes)
    return fail(CUDA_ERROR_INVALID_VALUE, "cuMemHostRegister expects an address and a size above 0");
  std::lock_guard g(State::get().lock);
  if (!registered.emplace(address(host), bytes).second)
    return fail(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED,
                "the memory at " + hex(address(host)) + " is registered already");
  return CUDA_SUCCESS;
}
CUresult cuMemHostUnregister(void* host) {
  SIM_TRY(ready());
  std::lock_guard g(State::get().lock);
  if (registered.erase(address(host))) return CUDA_SUCCESS;
  return fail(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED,
              "the memory at " + hex(address(host)) + " is not registered");
}
CUresult cuMemGetAddressRange(CUdeviceptr* base, size_t* bytes, CUdeviceptr at) {
  SIM_TRY(ready());
  Range r;
  if (!range_of(at, r)) return fail(CUDA_ERROR_NOT_FOUND, "no allocation holds " + hex(at));
  if (base) *base = r.base;
  if (bytes) *bytes = r.bytes;
  return CUDA_SUCCESS;
}

CUresult cuPointerGetAttribute(void* value, CUpointer_attribute attribute, CUdeviceptr at) {
  if (!value) return null("cuPointerGetAttribute");
  Range r;
  if (!range_of(at, r)) {  // plain host memory: not a fault of the program, so no sentence
    if (attribute == CU_POINTER_ATTRIBUTE_MAPPED) return *static_cast<int*>(value) = 0, CUDA_SUCCESS;
    return CUDA_ERROR_INVALID_VALUE;
  }
  bool pinned = r.kind == MemoryKind::pinned;
  switch (attribute) {
    case CU_POINTER_ATTRIBUTE_CONTEXT:
      *static_cast<CUcontext*>(value) = the_context();
      break;
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
      *static_cast<unsigned*>(value) = pinned ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
      break;
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
      *static_cast<CUdeviceptr*>(value) = at;
      break;
    case CU_POINTER_ATTRIBUTE_HOST_POINTER:
      if (r.kind == MemoryKind::device) return CUDA_ERROR_INVALID_VALUE;
      *static_cast<CUdeviceptr*>(value) = at;
      break;
    case CU_POINTER_ATTRIBUTE_BUFFER_ID:
      *static_cast<uint64_t*>(value) = r.base;
      break;
    case CU_POINTER_ATTRIBUTE_IS_MANAGED:
      *static_cast<bool*>(value) = r.kind == MemoryKind::managed;
      break;
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
      *static_cast<int*>(value) = 0;
      break;
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
      *static_cast<CUdeviceptr*>(value) = r.base;
      break;
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
      *static_cast<size_t*>(value) = r.bytes;
      break;
    case CU_POINTER_ATTRIBUTE_MAPPED:
      *static_cast<bool*>(value) = true;
      break;
    case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
    case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
    case CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE:
      *static_cast<bool*>(value) = false;
      break;
    case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
      *static_cast<unsigned*>(value) = CU_POINTER_ATTRIBUTE_ACCESS_FLAG_READWRITE;
      break;
    case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
      *static_cast<uint64_t*>(value) = 0;
      break;
    case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
      *static_cast<CUmemoryPool*>(value) = nullptr;
      break;
    default:
      return fail(CUDA_ERROR_INVALID_VALUE,
                  "pointers have no attribute " + std::to_string(int(attribute)) + " here");
  }
  return CUDA_SUCCESS;
}
CUresult cuPointerGetAttributes(unsigned n, CUpointer_attribute* attributes, void** values, CUdeviceptr at) {
  if (!attributes || !values) return null("cuPointerGetAttributes");
  for (unsigned k = 0; k < n; ++k)
    if (cuPointerGetAttribute(values[k], attributes[k], at) != CUDA_SUCCESS && values[k]) {
      bool word = attributes[k] == CU_POINTER_ATTRIBUTE_MEMORY_TYPE ||
                  attributes[k] == CU_POINTER_ATTRIBUTE_ACCESS_FLAGS;
      if (word) *static_cast<unsigned*>(values[k]) = 0;
      if (attributes[k] == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL) *static_cast<int*>(values[k]) = -2;
      if (attributes[k] == CU_POINTER_ATTRIBUTE_IS_MANAGED) *static_cast<bool*>(values[k]) = false;
      if (attributes[k] == CU_POINTER_ATTRIBUTE_DEVICE_POINTER ||
          attributes[k] == CU_POINTER_ATTRIBUTE_HOST_POINTER)
        *static_cast<CUdeviceptr*>(values[k]) = attributes[k] == CU_POINTER_ATTRIBUTE_HOST_POINTER ? at : 0;
    }
  return CUDA_SUCCESS;
}
CUresult cuPointerSetAttribute(const void*, CUpointer_attribute, CUdeviceptr) { return ready(); }
CUresult cuMemAdvise(CUdeviceptr, size_t, CUmem_advise, CUmemLocation) { return ready(); }
CUresult cuMemPrefetchAsync(CUdeviceptr, size_t, CUmemLocation, unsigned, CUstream stream) {
  return known_stream(stream);
}
