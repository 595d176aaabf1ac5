// The CUDA driver entry points that the engine uses, as one table of function pointers with the driver's own signatures.
// The table is bound either to libcuda.so.1 (a real GPU) or to the virtual SM100 in native/sim/driver; the engine cannot tell which.
#pragma once
#include <cuda.h>

// One row an entry point. cuda.h renames some of them (cuMemAlloc -> cuMemAlloc_v2); the macro argument is expanded before use, so
// field names, signatures and exported symbols all follow the renamed form.
#define DEVICE_ENTRY_POINTS(X)   \
  X(cuInit)                      \
  X(cuDriverGetVersion)          \
  X(cuGetErrorName)              \
  X(cuGetErrorString)            \
  X(cuDeviceGetCount)            \
  X(cuDeviceGet)                 \
  X(cuDeviceGetName)             \
  X(cuDeviceGetAttribute)        \
  X(cuDeviceTotalMem)            \
  X(cuDevicePrimaryCtxRetain)    \
  X(cuDevicePrimaryCtxRelease)   \
  X(cuCtxSetCurrent)             \
  X(cuCtxGetCurrent)             \
  X(cuCtxSynchronize)            \
  X(cuMemAlloc)                  \
  X(cuMemFree)                   \
  X(cuMemGetInfo)                \
  X(cuMemcpyHtoD)                \
  X(cuMemcpyDtoH)                \
  X(cuMemcpyDtoD)                \
  X(cuMemcpyHtoDAsync)           \
  X(cuMemcpyDtoHAsync)           \
  X(cuMemcpyDtoDAsync)           \
  X(cuMemsetD8)                  \
  X(cuMemsetD32)                 \
  X(cuMemsetD8Async)             \
  X(cuModuleLoadData)            \
  X(cuModuleUnload)              \
  X(cuModuleGetFunction)         \
  X(cuModuleGetGlobal)           \
  X(cuFuncGetAttribute)          \
  X(cuFuncSetAttribute)          \
  X(cuLaunchKernel)              \
  X(cuLaunchKernelEx)            \
  X(cuStreamCreate)              \
  X(cuStreamCreateWithPriority)  \
  X(cuStreamDestroy)             \
  X(cuStreamSynchronize)         \
  X(cuStreamWaitEvent)           \
  X(cuEventCreate)               \
  X(cuEventDestroy)              \
  X(cuEventRecord)               \
  X(cuEventSynchronize)          \
  X(cuEventElapsedTime)          \
  X(cuTensorMapEncodeTiled)      \
  X(cuTensorMapEncodeIm2col)     \
  X(cuTensorMapEncodeIm2colWide) \
  X(cuTensorMapReplaceAddress)

namespace device {

struct Driver {
#define DEVICE_FIELD(name) decltype(&::name) name = nullptr;
  DEVICE_ENTRY_POINTS(DEVICE_FIELD)
#undef DEVICE_FIELD
  // Sentence about the last failed call on this thread (kernel, thread, PTX line and source text on the virtual GPU); "" when there is none.
  const char* (*last_error_detail)() = nullptr;
};

}  // namespace device
