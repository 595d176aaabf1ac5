// Device memory from the host's side. Streams run in order and at once, so the asynchronous forms are the
// plain ones.
#include <cstring>

#include "state.h"

namespace sim::driver {

namespace {

// Fresh memory counts as never written: a kernel that reads it traps.
CUresult check_range(const char* call, CUdeviceptr at, size_t bytes) {
  std::string fault = Memory::device().fault(at, bytes);
  if (fault.empty()) return CUDA_SUCCESS;
  return fail(CUDA_ERROR_INVALID_VALUE, std::string(call) + " of " + std::to_string(bytes) +
                                            " bytes at device address " + hex(at) + ": " + fault);
}
uint8_t* host(CUdeviceptr at) { return reinterpret_cast<uint8_t*>(at); }
void mark(CUdeviceptr at, size_t bytes) { Memory::device().mark(*Memory::device().find(at), at, bytes); }

CUresult to_device(const char* call, CUdeviceptr to, const void* from, size_t bytes) {
  SIM_TRY(ready());
  if (bytes == 0) return CUDA_SUCCESS;
  if (!from) return fail(CUDA_ERROR_INVALID_VALUE, std::string(call) + " expects a host address, found null");
  SIM_TRY(check_range(call, to, bytes));
  std::memcpy(host(to), from, bytes);
  mark(to, bytes);
  return CUDA_SUCCESS;
}
CUresult to_host(const char* call, void* to, CUdeviceptr from, size_t bytes) {
  SIM_TRY(ready());
  if (bytes == 0) return CUDA_SUCCESS;
  if (!to) return fail(CUDA_ERROR_INVALID_VALUE, std::string(call) + " expects a host address, found null");
  SIM_TRY(check_range(call, from, bytes));
  std::memcpy(to, host(from), bytes);
  return CUDA_SUCCESS;
}
CUresult fill(const char* call, CUdeviceptr at, uint32_t value, unsigned width, size_t n) {
  SIM_TRY(ready());
  if (n == 0) return CUDA_SUCCESS;
  if (at % width)
    return fail(CUDA_ERROR_INVALID_VALUE,
                std::string(call) + " expects an address that is a multiple of " + std::to_string(width));
  SIM_TRY(check_range(call, at, n * width));
  if (width == 1)
    std::memset(host(at), int(value), n);
  else
    for (size_t k = 0; k < n; ++k) std::memcpy(host(at) + 4 * k, &value, 4);
  mark(at, n * width);
  return CUDA_SUCCESS;
}

}  // namespace

CUresult cuMemAlloc(CUdeviceptr* at, size_t bytes) {
  SIM_TRY(ready());
  if (!at || !bytes)
    return fail(CUDA_ERROR_INVALID_VALUE, "cuMemAlloc expects a size above 0 and a place for the address");
  *at = Memory::device().allocate(bytes);
  if (*at) return CUDA_SUCCESS;
  return fail(CUDA_ERROR_OUT_OF_MEMORY, "cuMemAlloc of " + std::to_string(bytes) + " bytes, with " +
                                            std::to_string(Memory::device().in_use()) + " of " +
                                            std::to_string(Memory::device().total()) + " bytes in use");
}
CUresult cuMemFree(CUdeviceptr at) {
  SIM_TRY(ready());
  if (at == 0 || Memory::device().release(at)) return CUDA_SUCCESS;
  return fail(CUDA_ERROR_INVALID_VALUE, "cuMemFree expects the address of an allocation, found " + hex(at));
}
CUresult cuMemGetInfo(size_t* free_bytes, size_t* total) {
  SIM_TRY(ready());
  if (!free_bytes || !total)
    return fail(CUDA_ERROR_INVALID_VALUE, "cuMemGetInfo expects places for its results, found null");
  *total = Memory::device().total();
  *free_bytes = *total - Memory::device().in_use();
  return CUDA_SUCCESS;
}
CUresult cuMemcpyHtoD(CUdeviceptr to, const void* from, size_t bytes) {
  return to_device("cuMemcpyHtoD", to, from, bytes);
}
CUresult cuMemcpyDtoH(void* to, CUdeviceptr from, size_t bytes) {
  return to_host("cuMemcpyDtoH", to, from, bytes);
}
CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void* from, size_t bytes, CUstream stream) {
  SIM_TRY(known_stream(stream));
  return to_device("cuMemcpyHtoDAsync", to, from, bytes);
}
CUresult cuMemcpyDtoHAsync(void* to, CUdeviceptr from, size_t bytes, CUstream stream) {
  SIM_TRY(known_stream(stream));
  return to_host("cuMemcpyDtoHAsync", to, from, bytes);
}
// Bytes that nobody has written stay so in the copy.
CUresult cuMemcpyDtoD(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
  SIM_TRY(ready());
  if (bytes == 0) return CUDA_SUCCESS;
  SIM_TRY(check_range("cuMemcpyDtoD", from, bytes));
  SIM_TRY(check_range("cuMemcpyDtoD", to, bytes));
  Memory& m = Memory::device();
  std::memmove(host(to), host(from), bytes);
  if (m.find(from)->all_written || m.shadow().all(from, bytes)) {
    mark(to, bytes);
  } else if (!m.find(to)->all_written) {
    for (size_t k = 0; k < bytes; ++k)
      if (m.shadow().all(from + k, 1)) m.shadow().mark(to + k, 1);
  }
  return CUDA_SUCCESS;
}
CUresult cuMemsetD8(CUdeviceptr at, unsigned char value, size_t n) {
  return fill("cuMemsetD8", at, value, 1, n);
}
CUresult cuMemsetD32(CUdeviceptr at, unsigned value, size_t n) {
  return fill("cuMemsetD32", at, value, 4, n);
}
CUresult cuMemsetD8Async(CUdeviceptr at, unsigned char value, size_t n, CUstream stream) {
  SIM_TRY(known_stream(stream));
  return fill("cuMemsetD8Async", at, value, 1, n);
}

}  // namespace sim::driver
