// Errors, and the start of the runtime on a thread.
#include "common.h"

namespace sim::cudart {

namespace {
thread_local cudaError_t last = cudaSuccess;
thread_local bool started = false;

struct ErrorName {
  int code;
  const char *name, *text;
};
constexpr ErrorName ERRORS[] = {
#define X(code, driver, name, text) {code, name, text},
#include "../../driver/error_list.h"
#undef X
};
const ErrorName* error(cudaError_t e) {
  for (const ErrorName& row : ERRORS)
    if (row.code == int(e) && row.name) return &row;
  return nullptr;
}
}  // namespace

cudaError_t note(cudaError_t e) {
  if (e != cudaSuccess && e != cudaErrorNotReady) last = e;
  return e;
}

CUresult start() {
  CUcontext now = nullptr;
  if (started && cuCtxGetCurrent(&now) == CUDA_SUCCESS && now) return CUDA_SUCCESS;
  if (CUresult r = cuInit(0)) return r;
  static const CUresult retained = [] {
    CUcontext c;
    return cuDevicePrimaryCtxRetain(&c, 0);
  }();
  if (retained != CUDA_SUCCESS) return retained;
  started = true;
  cuCtxGetCurrent(&now);
  if (now) return CUDA_SUCCESS;
  static const CUcontext primary = [] {
    CUcontext c = nullptr;
    cuDevicePrimaryCtxRetain(&c, 0);
    return c;
  }();
  return cuCtxSetCurrent(primary);
}

}  // namespace sim::cudart

using namespace sim::cudart;

cudaError_t cudaGetLastError() {
  cudaError_t e = last;
  last = cudaSuccess;
  return e;
}
cudaError_t cudaPeekAtLastError() { return last; }
const char* cudaGetErrorName(cudaError_t e) {
  const ErrorName* row = error(e);
  return row ? row->name : "unrecognized error code";
}
const char* cudaGetErrorString(cudaError_t e) {
  const ErrorName* row = error(e);
  return row ? row->text : "unrecognized error code";
}
