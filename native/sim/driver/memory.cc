// Device memory from the host's side. Streams run in order and at once, so the asynchronous forms are the
// plain ones.
#include <cstring>

#include "state.h"

namespace sim::driver {

namespace {

using Where = CopyWork::Place::Where;

// Fresh memory counts as never written: a kernel that reads it traps.
CUresult check_range(const char* call, CUdeviceptr at, size_t bytes) {
  std::string fault = Memory::device().fault(at, bytes);
  if (fault.empty()) return CUDA_SUCCESS;
  return fail(CUDA_ERROR_INVALID_VALUE, std::string(call) + " of " + std::to_string(bytes) +
                                            " bytes at device address " + hex(at) + ": " + fault);
}
uint8_t* host(uint64_t at) { return reinterpret_cast<uint8_t*>(at); }
void mark(uint64_t at, size_t bytes) { Memory::device().mark(*Memory::device().find(at), at, bytes); }
bool on_device(const CopyWork::Place& p) {
  return p.where == Where::device || (p.where == Where::any && Memory::device().holds(p.at));
}
uint64_t extent(const CopyWork& c, const CopyWork::Place& p) {
  return (c.depth - 1) * p.slice + (c.height - 1) * p.pitch + c.width;
}

// Bytes that nobody has written stay so in the copy.
void copy_written(uint64_t to, uint64_t from, size_t bytes) {
  Memory& m = Memory::device();
  if (m.find(from)->all_written || m.shadow().all(from, bytes)) {
    mark(to, bytes);
  } else if (!m.find(to)->all_written) {
    for (size_t k = 0; k < bytes; ++k)
      if (m.shadow().all(from + k, 1)) m.shadow().mark(to + k, 1);
  }
}

CUresult linear(const char* call, uint64_t to, Where to_where, uint64_t from, Where from_where, size_t bytes,
                CUstream stream) {
  SIM_TRY(ready());
  auto w = std::make_unique<CopyWork>();
  w->call = call, w->width = bytes;
  w->to.at = to, w->to.where = to_where, w->from.at = from, w->from.where = from_where;
  SIM_TRY(w->check());
  return submit(stream, std::move(w));
}
CUresult fill(const char* call, CUdeviceptr at, uint32_t value, unsigned element, size_t n, CUstream stream) {
  SIM_TRY(ready());
  auto w = std::make_unique<FillWork>();
  w->call = call, w->at = at, w->value = value, w->element = element, w->width = n;
  SIM_TRY(w->check());
  return submit(stream, std::move(w));
}
uint64_t address(const void* p) { return reinterpret_cast<uint64_t>(p); }

}  // namespace

CUresult CopyWork::check() const {
  if (!width || !height || !depth) return CUDA_SUCCESS;
  for (const Place* p : {&to, &from}) {
    if (on_device(*p))
      SIM_TRY(check_range(call, p->at, extent(*this, *p)));
    else if (!p->at)
      return fail(CUDA_ERROR_INVALID_VALUE, std::string(call) + " expects a host address, found null");
  }
  return CUDA_SUCCESS;
}
CUresult CopyWork::run() {
  SIM_TRY(check());  // memory may have been freed since
  bool to_device = on_device(to), from_device = on_device(from);
  for (uint64_t z = 0; z < depth && width; ++z)
    for (uint64_t y = 0; y < height; ++y) {
      uint64_t a = to.at + z * to.slice + y * to.pitch, b = from.at + z * from.slice + y * from.pitch;
      std::memmove(host(a), host(b), width);
      if (to_device && from_device)
        copy_written(a, b, width);
      else if (to_device)
        mark(a, width);
    }
  return CUDA_SUCCESS;
}

CUresult FillWork::check() const {
  if (!width || !height) return CUDA_SUCCESS;
  if (at % element || (height > 1 && pitch % element))
    return fail(CUDA_ERROR_INVALID_VALUE,
                std::string(call) + " expects an address that is a multiple of " + std::to_string(element));
  return check_range(call, at, (height - 1) * pitch + width * element);
}
CUresult FillWork::run() {
  SIM_TRY(check());
  for (uint64_t y = 0; y < height && width; ++y) {
    uint64_t row = at + y * pitch;
    if (element == 1)
      std::memset(host(row), int(value), width);
    else
      for (size_t k = 0; k < width; ++k) std::memcpy(host(row) + element * k, &value, element);
    mark(row, width * element);
  }
  return CUDA_SUCCESS;
}

CUresult FreeWork::run() {
  {
    std::lock_guard g(State::get().lock);
    State::get().kinds.erase(at);
  }
  if (at == 0 || Memory::device().release(at)) return CUDA_SUCCESS;
  return fail(CUDA_ERROR_INVALID_VALUE, "cuMemFree expects the address of an allocation, found " + hex(at));
}

CUresult cuMemAlloc(CUdeviceptr* at, size_t bytes) {
  SIM_TRY(ready());
  SIM_TRY(unsafe_in_capture("cuMemAlloc"));
  return allocate("cuMemAlloc", at, bytes);
}
CUresult allocate(const char* call, CUdeviceptr* at, size_t bytes) {
  if (!at || !bytes)
    return fail(CUDA_ERROR_INVALID_VALUE,
                std::string(call) + " expects a size above 0 and a place for the address");
  *at = bytes <= device_bytes() && Memory::device().in_use() <= device_bytes() - bytes
            ? Memory::device().allocate(bytes)
            : 0;
  if (*at) return CUDA_SUCCESS;
  return fail(CUDA_ERROR_OUT_OF_MEMORY, std::string(call) + " of " + std::to_string(bytes) + " bytes, with " +
                                            std::to_string(Memory::device().in_use()) + " of " +
                                            std::to_string(device_bytes()) + " bytes in use");
}
CUresult cuMemFree(CUdeviceptr at) {
  SIM_TRY(ready());
  if (at) SIM_TRY(unsafe_in_capture("cuMemFree"));
  FreeWork w;
  w.at = at;
  return w.run();
}
CUresult cuMemGetInfo(size_t* free_bytes, size_t* total) {
  SIM_TRY(ready());
  if (!free_bytes || !total)
    return fail(CUDA_ERROR_INVALID_VALUE, "cuMemGetInfo expects places for its results, found null");
  *total = device_bytes();
  *free_bytes = *total - Memory::device().in_use();
  return CUDA_SUCCESS;
}
CUresult cuMemcpyHtoD(CUdeviceptr to, const void* from, size_t bytes) {
  return linear("cuMemcpyHtoD", to, Where::device, address(from), Where::any, bytes, nullptr);
}
CUresult cuMemcpyDtoH(void* to, CUdeviceptr from, size_t bytes) {
  return linear("cuMemcpyDtoH", address(to), Where::any, from, Where::device, bytes, nullptr);
}
CUresult cuMemcpyDtoD(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
  return linear("cuMemcpyDtoD", to, Where::device, from, Where::device, bytes, nullptr);
}
CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void* from, size_t bytes, CUstream stream) {
  return linear("cuMemcpyHtoDAsync", to, Where::device, address(from), Where::any, bytes, stream);
}
CUresult cuMemcpyDtoHAsync(void* to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return linear("cuMemcpyDtoHAsync", address(to), Where::any, from, Where::device, bytes, stream);
}
CUresult cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return linear("cuMemcpyDtoDAsync", to, Where::device, from, Where::device, bytes, stream);
}
CUresult cuMemsetD8(CUdeviceptr at, unsigned char value, size_t n) {
  return fill("cuMemsetD8", at, value, 1, n, nullptr);
}
CUresult cuMemsetD32(CUdeviceptr at, unsigned value, size_t n) {
  return fill("cuMemsetD32", at, value, 4, n, nullptr);
}
CUresult cuMemsetD8Async(CUdeviceptr at, unsigned char value, size_t n, CUstream stream) {
  return fill("cuMemsetD8Async", at, value, 1, n, stream);
}

}  // namespace sim::driver
