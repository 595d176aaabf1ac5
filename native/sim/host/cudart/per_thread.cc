// Programs compiled with --default-stream per-thread: stream 0 is the thread's own, which captures of other
// streams leave alone. Other _ptsz and _ptds names are the plain functions (exports.cc): they differ only
// where a stream captures.
#include "common.h"

using namespace sim::cudart;

namespace {
cudaStream_t own(cudaStream_t s) { return s ? s : cudaStreamPerThread; }
}  // namespace

extern "C" {
cudaError_t cudaLaunchKernel_ptsz(const void* f, dim3 grid, dim3 block, void** args, size_t shared,
                                  cudaStream_t s) {
  return cudaLaunchKernel(f, grid, block, args, shared, own(s));
}
cudaError_t __cudaLaunchKernel_ptsz(cudaKernel_t k, dim3 grid, dim3 block, void** args, size_t shared,
                                    cudaStream_t s) {
  return cudaLaunchKernel(reinterpret_cast<const void*>(k), grid, block, args, shared, own(s));
}
cudaError_t cudaLaunchKernelExC_ptsz(const cudaLaunchConfig_t* c, const void* f, void** args) {
  if (!c) return note(cudaErrorInvalidValue);
  cudaLaunchConfig_t mine = *c;
  mine.stream = own(c->stream);
  return cudaLaunchKernelExC(&mine, f, args);
}
cudaError_t cudaLaunchCooperativeKernel_ptsz(const void* f, dim3 grid, dim3 block, void** args, size_t shared,
                                             cudaStream_t s) {
  return cudaLaunchCooperativeKernel(f, grid, block, args, shared, own(s));
}
cudaError_t cudaLaunchHostFunc_ptsz(cudaStream_t s, cudaHostFn_t f, void* data) {
  return cudaLaunchHostFunc(own(s), f, data);
}
cudaError_t cudaMemcpyAsync_ptsz(void* to, const void* from, size_t n, cudaMemcpyKind kind, cudaStream_t s) {
  return cudaMemcpyAsync(to, from, n, kind, own(s));
}
cudaError_t cudaMemcpy_ptds(void* to, const void* from, size_t n, cudaMemcpyKind kind) {
  return cudaMemcpyAsync(to, from, n, kind, cudaStreamPerThread);
}
cudaError_t cudaMemcpy2DAsync_ptsz(void* to, size_t to_pitch, const void* from, size_t from_pitch,
                                   size_t width, size_t height, cudaMemcpyKind kind, cudaStream_t s) {
  return cudaMemcpy2DAsync(to, to_pitch, from, from_pitch, width, height, kind, own(s));
}
cudaError_t cudaMemsetAsync_ptsz(void* at, int value, size_t n, cudaStream_t s) {
  return cudaMemsetAsync(at, value, n, own(s));
}
cudaError_t cudaMemset_ptds(void* at, int value, size_t n) {
  return cudaMemsetAsync(at, value, n, cudaStreamPerThread);
}
cudaError_t cudaMallocAsync_ptsz(void** at, size_t n, cudaStream_t s) {
  return cudaMallocAsync(at, n, own(s));
}
cudaError_t cudaFreeAsync_ptsz(void* at, cudaStream_t s) { return cudaFreeAsync(at, own(s)); }
cudaError_t cudaEventRecord_ptsz(cudaEvent_t e, cudaStream_t s) { return cudaEventRecord(e, own(s)); }
cudaError_t cudaStreamWaitEvent_ptsz(cudaStream_t s, cudaEvent_t e, unsigned flags) {
  return cudaStreamWaitEvent(own(s), e, flags);
}
cudaError_t cudaStreamSynchronize_ptsz(cudaStream_t s) { return cudaStreamSynchronize(own(s)); }
cudaError_t cudaStreamQuery_ptsz(cudaStream_t s) { return cudaStreamQuery(own(s)); }
cudaError_t cudaStreamBeginCapture_ptsz(cudaStream_t s, cudaStreamCaptureMode mode) {
  return cudaStreamBeginCapture(own(s), mode);
}
cudaError_t cudaStreamEndCapture_ptsz(cudaStream_t s, cudaGraph_t* g) {
  return cudaStreamEndCapture(own(s), g);
}
cudaError_t cudaStreamIsCapturing_ptsz(cudaStream_t s, cudaStreamCaptureStatus* status) {
  return cudaStreamIsCapturing(own(s), status);
}
cudaError_t cudaGraphLaunch_ptsz(cudaGraphExec_t exec, cudaStream_t s) {
  return cudaGraphLaunch(exec, own(s));
}
}
