// The CUDA runtime, in terms of the driver's entry points: what the files behind libcudart.so.13 share.
// Handles of the two APIs are the same (streams, events, graphs, kernels), and so are the numbers of their
// errors.
#pragma once
#include <cuda.h>
#include <cuda_runtime_api.h>

namespace sim::cudart {

// The error of this thread that cudaGetLastError answers and clears.
cudaError_t note(cudaError_t e);
inline cudaError_t note(CUresult r) { return note(cudaError_t(r)); }

// cuInit and the primary context, at the first call of a thread. Not noted.
CUresult start();

// The driver's function of a __global__ function's host address (or of a cudaKernel_t, cudaFunction_t).
CUresult function_of(const void* host, CUfunction& f);
// A __device__ or __constant__ variable by its host address.
CUresult variable_of(const void* host, CUdeviceptr& at, size_t& bytes);

CUresult convert(const cudaLaunchConfig_t& c, CUlaunchConfig& out);
CUresult convert(const cudaMemcpy3DParms& p, CUDA_MEMCPY3D& out);
CUresult convert(const cudaKernelNodeParams& p, CUDA_KERNEL_NODE_PARAMS& out);
CUDA_MEMSET_NODE_PARAMS convert(const cudaMemsetParams& p);
void describe(CUDA_MEMCPY3D& c, void* to, const void* from,
              cudaMemcpyKind kind);  // addresses and what they are

inline const CUgraphEdgeData* edges_of(const cudaGraphEdgeData* e) {
  return reinterpret_cast<const CUgraphEdgeData*>(e);
}
inline CUgraphEdgeData* edges_of(cudaGraphEdgeData* e) { return reinterpret_cast<CUgraphEdgeData*>(e); }
static_assert(sizeof(cudaGraphEdgeData) == sizeof(CUgraphEdgeData));
inline CUdeviceptr address(const void* p) { return reinterpret_cast<CUdeviceptr>(p); }

#define RT_TRY(call)                                                        \
  do                                                                        \
    if (CUresult code_ = (call); code_ != CUDA_SUCCESS) return note(code_); \
  while (0)
// Starts, then answers what the driver does.
#define RT_PASS(call)  \
  do {                 \
    RT_TRY(start());   \
    return note(call); \
  } while (0)

}  // namespace sim::cudart
