// Copies and fills of rows and volumes, and the forms that find out themselves where an address lies.
#include "copy.h"

#include <memory>

using namespace sim::host;

namespace sim::host {

namespace {
using Place = CopyWork::Place;
uint64_t address(const void* p) { return reinterpret_cast<uint64_t>(p); }

CUresult place(const char* call, Place& p, CUmemorytype type, const void* host, CUdeviceptr device, size_t x,
               size_t y, size_t z, size_t pitch, size_t height, size_t width) {
  if (type == CU_MEMORYTYPE_ARRAY)
    return fail(CUDA_ERROR_NOT_SUPPORTED,
                std::string(call) + ": CUDA arrays are not part of the virtual GPU");
  p.where = type == CU_MEMORYTYPE_HOST     ? Place::host
            : type == CU_MEMORYTYPE_DEVICE ? Place::device
                                           : Place::any;
  p.at = type == CU_MEMORYTYPE_HOST ? address(host) : device;
  if (type == CU_MEMORYTYPE_HOST && Memory::device().holds(p.at)) p.where = Place::any;  // pinned
  p.pitch = pitch ? pitch : width;
  p.slice = p.pitch * height;
  p.at += z * p.slice + y * p.pitch + x;
  return CUDA_SUCCESS;
}
}  // namespace

CUresult copy_work(const char* call, const CUDA_MEMCPY3D& c, CopyWork& w) {
  w.call = call;
  w.width = c.WidthInBytes, w.height = c.Height, w.depth = c.Depth;
  SIM_TRY(place(call, w.to, c.dstMemoryType, c.dstHost, c.dstDevice, c.dstXInBytes, c.dstY, c.dstZ,
                c.dstPitch, c.dstHeight ? c.dstHeight : c.Height, c.WidthInBytes));
  SIM_TRY(place(call, w.from, c.srcMemoryType, c.srcHost, c.srcDevice, c.srcXInBytes, c.srcY, c.srcZ,
                c.srcPitch, c.srcHeight ? c.srcHeight : c.Height, c.WidthInBytes));
  if ((c.Height > 1 || c.Depth > 1) && (w.to.pitch < w.width || w.from.pitch < w.width))
    return fail(CUDA_ERROR_INVALID_VALUE,
                std::string(call) + " expects pitches of at least the width of " + std::to_string(w.width) +
                    " bytes, found " + std::to_string(w.to.pitch) + " and " + std::to_string(w.from.pitch));
  return w.check();
}
CUresult fill_work(const char* call, const CUDA_MEMSET_NODE_PARAMS& p, FillWork& w) {
  w.call = call, w.at = p.dst, w.pitch = p.pitch, w.value = p.value, w.element = p.elementSize;
  w.width = p.width, w.height = p.height;
  if (w.element != 1 && w.element != 2 && w.element != 4)
    return fail(CUDA_ERROR_INVALID_VALUE, std::string(call) + " expects elements of 1, 2 or 4 bytes, found " +
                                              std::to_string(w.element));
  return w.check();
}

namespace {
CUresult copy(const char* call, const CUDA_MEMCPY3D& c, CUstream stream) {
  SIM_TRY(ready());
  auto w = std::make_unique<CopyWork>();
  SIM_TRY(copy_work(call, c, *w));
  return submit(stream, std::move(w));
}
CUresult copy2d(const char* call, const CUDA_MEMCPY2D* c, CUstream stream) {
  if (!c) return null(call, "a description of the copy");
  CUDA_MEMCPY3D d = {};
  d.srcXInBytes = c->srcXInBytes, d.srcY = c->srcY, d.srcMemoryType = c->srcMemoryType,
  d.srcHost = c->srcHost;
  d.srcDevice = c->srcDevice, d.srcPitch = c->srcPitch;
  d.dstXInBytes = c->dstXInBytes, d.dstY = c->dstY, d.dstMemoryType = c->dstMemoryType,
  d.dstHost = c->dstHost;
  d.dstDevice = c->dstDevice, d.dstPitch = c->dstPitch;
  d.WidthInBytes = c->WidthInBytes, d.Height = c->Height, d.Depth = 1;
  return copy(call, d, stream);
}
CUresult unified(const char* call, CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  CUDA_MEMCPY3D c = {};
  c.srcMemoryType = c.dstMemoryType = CU_MEMORYTYPE_UNIFIED;
  c.srcDevice = from, c.dstDevice = to, c.WidthInBytes = bytes, c.Height = c.Depth = 1;
  return copy(call, c, stream);
}
CUresult fill(const char* call, CUdeviceptr at, size_t pitch, uint32_t value, unsigned element, size_t width,
              size_t height, CUstream stream) {
  SIM_TRY(ready());
  auto w = std::make_unique<FillWork>();
  SIM_TRY(fill_work(call, {at, pitch, value, element, width, height}, *w));
  return submit(stream, std::move(w));
}
}  // namespace
}  // namespace sim::host

CUresult cuMemcpy(CUdeviceptr to, CUdeviceptr from, size_t n) {
  return unified("cuMemcpy", to, from, n, nullptr);
}
CUresult cuMemcpyAsync(CUdeviceptr to, CUdeviceptr from, size_t n, CUstream s) {
  return unified("cuMemcpyAsync", to, from, n, s);
}
CUresult cuMemcpyPeer(CUdeviceptr to, CUcontext, CUdeviceptr from, CUcontext, size_t n) {
  return unified("cuMemcpyPeer", to, from, n, nullptr);
}
CUresult cuMemcpyPeerAsync(CUdeviceptr to, CUcontext, CUdeviceptr from, CUcontext, size_t n, CUstream s) {
  return unified("cuMemcpyPeerAsync", to, from, n, s);
}
CUresult cuMemcpy2D(const CUDA_MEMCPY2D* c) { return copy2d("cuMemcpy2D", c, nullptr); }
CUresult cuMemcpy2DUnaligned(const CUDA_MEMCPY2D* c) { return copy2d("cuMemcpy2DUnaligned", c, nullptr); }
CUresult cuMemcpy2DAsync(const CUDA_MEMCPY2D* c, CUstream s) { return copy2d("cuMemcpy2DAsync", c, s); }
CUresult cuMemcpy3D(const CUDA_MEMCPY3D* c) {
  return c ? copy("cuMemcpy3D", *c, nullptr) : null("cuMemcpy3D", "a description of the copy");
}
CUresult cuMemcpy3DAsync(const CUDA_MEMCPY3D* c, CUstream s) {
  return c ? copy("cuMemcpy3DAsync", *c, s) : null("cuMemcpy3DAsync", "a description of the copy");
}
CUresult cuMemsetD16(CUdeviceptr at, unsigned short v, size_t n) {
  return fill("cuMemsetD16", at, 0, v, 2, n, 1, nullptr);
}
CUresult cuMemsetD16Async(CUdeviceptr at, unsigned short v, size_t n, CUstream s) {
  return fill("cuMemsetD16Async", at, 0, v, 2, n, 1, s);
}
CUresult cuMemsetD32Async(CUdeviceptr at, unsigned v, size_t n, CUstream s) {
  return fill("cuMemsetD32Async", at, 0, v, 4, n, 1, s);
}
CUresult cuMemsetD2D8(CUdeviceptr at, size_t pitch, unsigned char v, size_t w, size_t h) {
  return fill("cuMemsetD2D8", at, pitch, v, 1, w, h, nullptr);
}
CUresult cuMemsetD2D16(CUdeviceptr at, size_t pitch, unsigned short v, size_t w, size_t h) {
  return fill("cuMemsetD2D16", at, pitch, v, 2, w, h, nullptr);
}
CUresult cuMemsetD2D32(CUdeviceptr at, size_t pitch, unsigned v, size_t w, size_t h) {
  return fill("cuMemsetD2D32", at, pitch, v, 4, w, h, nullptr);
}
CUresult cuMemsetD2D8Async(CUdeviceptr at, size_t pitch, unsigned char v, size_t w, size_t h, CUstream s) {
  return fill("cuMemsetD2D8Async", at, pitch, v, 1, w, h, s);
}
CUresult cuMemsetD2D16Async(CUdeviceptr at, size_t pitch, unsigned short v, size_t w, size_t h, CUstream s) {
  return fill("cuMemsetD2D16Async", at, pitch, v, 2, w, h, s);
}
CUresult cuMemsetD2D32Async(CUdeviceptr at, size_t pitch, unsigned v, size_t w, size_t h, CUstream s) {
  return fill("cuMemsetD2D32Async", at, pitch, v, 4, w, h, s);
}
