// Libraries, and the driver's functions by name.
#include "common.h"

using namespace sim::cudart;

cudaError_t cudaLibraryLoadData(cudaLibrary_t* library, const void* image, cudaJitOption*, void**, unsigned,
                                cudaLibraryOption*, void**, unsigned) {
  RT_PASS(cuLibraryLoadData(library, image, nullptr, nullptr, 0, nullptr, nullptr, 0));
}
cudaError_t cudaLibraryLoadFromFile(cudaLibrary_t* library, const char* path, cudaJitOption*, void**,
                                    unsigned, cudaLibraryOption*, void**, unsigned) {
  RT_PASS(cuLibraryLoadFromFile(library, path, nullptr, nullptr, 0, nullptr, nullptr, 0));
}
cudaError_t cudaLibraryUnload(cudaLibrary_t library) { RT_PASS(cuLibraryUnload(library)); }
cudaError_t cudaLibraryGetKernel(cudaKernel_t* kernel, cudaLibrary_t library, const char* name) {
  RT_PASS(cuLibraryGetKernel(kernel, library, name));
}
cudaError_t cudaLibraryGetKernelCount(unsigned* n, cudaLibrary_t library) {
  RT_PASS(cuLibraryGetKernelCount(n, library));
}
cudaError_t cudaLibraryEnumerateKernels(cudaKernel_t* out, unsigned n, cudaLibrary_t library) {
  RT_PASS(cuLibraryEnumerateKernels(out, n, library));
}
cudaError_t cudaLibraryGetGlobal(void** at, size_t* bytes, cudaLibrary_t library, const char* name) {
  RT_PASS(cuLibraryGetGlobal(reinterpret_cast<CUdeviceptr*>(at), bytes, library, name));
}
cudaError_t cudaLibraryGetManaged(void** at, size_t* bytes, cudaLibrary_t library, const char* name) {
  RT_PASS(cuLibraryGetManaged(reinterpret_cast<CUdeviceptr*>(at), bytes, library, name));
}
cudaError_t cudaKernelSetAttributeForDevice(cudaKernel_t kernel, cudaFuncAttribute name, int value,
                                            int device) {
  RT_PASS(cuKernelSetAttribute(CUfunction_attribute(name), value, kernel, device));
}

// A name that the driver does not have is an answer, not an error: `status` tells.
cudaError_t cudaGetDriverEntryPointByVersion(const char* name, void** function, unsigned version,
                                             unsigned long long flags,
                                             cudaDriverEntryPointQueryResult* status) {
  RT_TRY(start());
  if (!name || !function) return note(cudaErrorInvalidValue);
  CUdriverProcAddressQueryResult found = CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
  CUresult e = cuGetProcAddress(name, function, int(version), flags, &found);
  if (status) *status = cudaDriverEntryPointQueryResult(found);
  return status && e == CUDA_ERROR_NOT_FOUND ? cudaSuccess : note(e);
}
cudaError_t cudaGetDriverEntryPoint(const char* name, void** function, unsigned long long flags,
                                    cudaDriverEntryPointQueryResult* status) {
  return cudaGetDriverEntryPointByVersion(name, function, CUDART_VERSION, flags, status);
}
