// Copies and fills, also to and from variables.
#include "common.h"

using namespace sim::cudart;

namespace sim::cudart {

// "unified" leaves it to the address: host memory, or the device's.
void describe(CUDA_MEMCPY3D& c, void* to, const void* from, cudaMemcpyKind kind) {
  bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  c.dstMemoryType = to_device ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_UNIFIED;
  c.srcMemoryType = from_device ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_UNIFIED;
  c.dstDevice = address(to), c.srcDevice = address(from);
}

CUresult convert(const cudaMemcpy3DParms& p, CUDA_MEMCPY3D& c) {
  if (p.srcArray || p.dstArray) return CUDA_ERROR_NOT_SUPPORTED;
  if (unsigned(p.kind) > cudaMemcpyDefault) return CUresult(cudaErrorInvalidMemcpyDirection);
  c = {};
  describe(c, p.dstPtr.ptr, p.srcPtr.ptr, p.kind);
  c.dstXInBytes = p.dstPos.x, c.dstY = p.dstPos.y, c.dstZ = p.dstPos.z, c.dstPitch = p.dstPtr.pitch,
  c.dstHeight = p.dstPtr.ysize;
  c.srcXInBytes = p.srcPos.x, c.srcY = p.srcPos.y, c.srcZ = p.srcPos.z, c.srcPitch = p.srcPtr.pitch,
  c.srcHeight = p.srcPtr.ysize;
  c.WidthInBytes = p.extent.width, c.Height = p.extent.height, c.Depth = p.extent.depth;
  return CUDA_SUCCESS;
}

CUDA_MEMSET_NODE_PARAMS convert(const cudaMemsetParams& p) {
  return {address(p.dst), p.pitch, p.value, p.elementSize, p.width, p.height};
}

namespace {
CUresult rows(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width, size_t height,
              cudaMemcpyKind kind, cudaStream_t stream) {
  if (CUresult e = start()) return e;
  if (unsigned(kind) > cudaMemcpyDefault) return CUresult(cudaErrorInvalidMemcpyDirection);
  if (height > 1 && (to_pitch < width || from_pitch < width)) return CUresult(cudaErrorInvalidPitchValue);
  if (!width || !height) return CUDA_SUCCESS;
  CUDA_MEMCPY3D c = {};
  describe(c, to, from, kind);
  c.dstPitch = to_pitch, c.srcPitch = from_pitch, c.WidthInBytes = width, c.Height = height, c.Depth = 1;
  return cuMemcpy3DAsync(&c, stream);
}
CUresult bytes(void* to, const void* from, size_t n, cudaMemcpyKind kind, cudaStream_t stream) {
  return rows(to, n, from, n, n, 1, kind, stream);
}
// [offset, offset + n) of a variable
CUresult part(const void* symbol, size_t offset, size_t n, void*& at) {
  CUdeviceptr base = 0;
  size_t size = 0;
  if (CUresult e = variable_of(symbol, base, size)) return e;
  if (offset > size || n > size - offset) return CUDA_ERROR_INVALID_VALUE;
  at = reinterpret_cast<void*>(base + offset);
  return CUDA_SUCCESS;
}
CUresult fill(void* at, size_t pitch, int value, size_t width, size_t height, cudaStream_t stream) {
  if (CUresult e = start()) return e;
  return cuMemsetD2D8Async(address(at), pitch, static_cast<unsigned char>(value), width, height, stream);
}
}  // namespace
}  // namespace sim::cudart

cudaError_t cudaMemcpy(void* to, const void* from, size_t n, cudaMemcpyKind kind) {
  return note(bytes(to, from, n, kind, nullptr));
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t n, cudaMemcpyKind kind, cudaStream_t stream) {
  return note(bytes(to, from, n, kind, stream));
}
cudaError_t cudaMemcpyPeer(void* to, int, const void* from, int, size_t n) {
  return note(bytes(to, from, n, cudaMemcpyDeviceToDevice, nullptr));
}
cudaError_t cudaMemcpyPeerAsync(void* to, int, const void* from, int, size_t n, cudaStream_t stream) {
  return note(bytes(to, from, n, cudaMemcpyDeviceToDevice, stream));
}
cudaError_t cudaMemcpy2D(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                         size_t height, cudaMemcpyKind kind) {
  return note(rows(to, to_pitch, from, from_pitch, width, height, kind, nullptr));
}
cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                              size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
  return note(rows(to, to_pitch, from, from_pitch, width, height, kind, stream));
}
cudaError_t cudaMemcpy3DAsync(const cudaMemcpy3DParms* p, cudaStream_t stream) {
  RT_TRY(start());
  CUDA_MEMCPY3D c;
  RT_TRY(p ? convert(*p, c) : CUDA_ERROR_INVALID_VALUE);
  return note(cuMemcpy3DAsync(&c, stream));
}
cudaError_t cudaMemcpy3D(const cudaMemcpy3DParms* p) { return cudaMemcpy3DAsync(p, nullptr); }

cudaError_t cudaMemcpyToSymbolAsync(const void* symbol, const void* from, size_t n, size_t offset,
                                    cudaMemcpyKind kind, cudaStream_t stream) {
  void* at = nullptr;
  RT_TRY(part(symbol, offset, n, at));
  return note(bytes(at, from, n, kind, stream));
}
cudaError_t cudaMemcpyToSymbol(const void* symbol, const void* from, size_t n, size_t offset,
                               cudaMemcpyKind kind) {
  return cudaMemcpyToSymbolAsync(symbol, from, n, offset, kind, nullptr);
}
cudaError_t cudaMemcpyFromSymbolAsync(void* to, const void* symbol, size_t n, size_t offset,
                                      cudaMemcpyKind kind, cudaStream_t stream) {
  void* at = nullptr;
  RT_TRY(part(symbol, offset, n, at));
  return note(bytes(to, at, n, kind, stream));
}
cudaError_t cudaMemcpyFromSymbol(void* to, const void* symbol, size_t n, size_t offset, cudaMemcpyKind kind) {
  return cudaMemcpyFromSymbolAsync(to, symbol, n, offset, kind, nullptr);
}
cudaError_t cudaGetSymbolAddress(void** at, const void* symbol) { return note(part(symbol, 0, 0, *at)); }
cudaError_t cudaGetSymbolSize(size_t* n, const void* symbol) {
  CUdeviceptr at = 0;
  return note(variable_of(symbol, at, *n));
}

cudaError_t cudaMemset(void* at, int value, size_t n) { return note(fill(at, 0, value, n, 1, nullptr)); }
cudaError_t cudaMemsetAsync(void* at, int value, size_t n, cudaStream_t stream) {
  return note(fill(at, 0, value, n, 1, stream));
}
cudaError_t cudaMemset2D(void* at, size_t pitch, int value, size_t width, size_t height) {
  return note(fill(at, pitch, value, width, height, nullptr));
}
cudaError_t cudaMemset2DAsync(void* at, size_t pitch, int value, size_t width, size_t height,
                              cudaStream_t stream) {
  return note(fill(at, pitch, value, width, height, stream));
}
cudaError_t cudaMemset3DAsync(cudaPitchedPtr p, int value, cudaExtent e, cudaStream_t stream) {
  for (size_t z = 0; z < e.depth; ++z)
    if (cudaError_t r = note(fill(static_cast<char*>(p.ptr) + z * p.pitch * p.ysize, p.pitch, value, e.width,
                                  e.height, stream)))
      return r;
  return cudaSuccess;
}
cudaError_t cudaMemset3D(cudaPitchedPtr p, int value, cudaExtent e) {
  return cudaMemset3DAsync(p, value, e, nullptr);
}
