// Allocation, pools, and what a pointer is.
#include <cstring>

#include "common.h"

using namespace sim::cudart;

cudaError_t cudaMalloc(void** at, size_t bytes) {
  RT_TRY(start());
  if (!at) return note(cudaErrorInvalidValue);
  if (!bytes) return *at = nullptr, cudaSuccess;
  return note(cuMemAlloc(reinterpret_cast<CUdeviceptr*>(at), bytes));
}
cudaError_t cudaFree(void* at) { RT_PASS(cuMemFree(address(at))); }
cudaError_t cudaMallocHost(void** at, size_t bytes) { RT_PASS(cuMemAllocHost(at, bytes)); }
cudaError_t cudaHostAlloc(void** at, size_t bytes, unsigned flags) {
  RT_PASS(cuMemHostAlloc(at, bytes, flags));
}
cudaError_t cudaFreeHost(void* at) { RT_PASS(cuMemFreeHost(at)); }
cudaError_t cudaHostRegister(void* at, size_t bytes, unsigned flags) {
  RT_PASS(cuMemHostRegister(at, bytes, flags));
}
cudaError_t cudaHostUnregister(void* at) { RT_PASS(cuMemHostUnregister(at)); }
cudaError_t cudaHostGetDevicePointer(void** at, void* host, unsigned flags) {
  RT_PASS(cuMemHostGetDevicePointer(reinterpret_cast<CUdeviceptr*>(at), host, flags));
}
cudaError_t cudaHostGetFlags(unsigned* flags, void* host) { RT_PASS(cuMemHostGetFlags(flags, host)); }
cudaError_t cudaMallocManaged(void** at, size_t bytes, unsigned flags) {
  RT_PASS(cuMemAllocManaged(reinterpret_cast<CUdeviceptr*>(at), bytes, flags));
}
cudaError_t cudaMallocPitch(void** at, size_t* pitch, size_t width, size_t height) {
  RT_PASS(cuMemAllocPitch(reinterpret_cast<CUdeviceptr*>(at), pitch, width, height, 16));
}
cudaError_t cudaMalloc3D(cudaPitchedPtr* at, cudaExtent e) {
  if (!at) return note(cudaErrorInvalidValue);
  at->xsize = e.width, at->ysize = e.height;
  return cudaMallocPitch(&at->ptr, &at->pitch, e.width, e.height * e.depth);
}
cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total) { RT_PASS(cuMemGetInfo(free_bytes, total)); }

cudaError_t cudaMallocAsync(void** at, size_t bytes, cudaStream_t stream) {
  RT_TRY(start());
  if (at && !bytes) return *at = nullptr, cudaSuccess;
  return note(cuMemAllocAsync(reinterpret_cast<CUdeviceptr*>(at), bytes, stream));
}
cudaError_t cudaMallocFromPoolAsync(void** at, size_t bytes, cudaMemPool_t pool, cudaStream_t stream) {
  RT_PASS(cuMemAllocFromPoolAsync(reinterpret_cast<CUdeviceptr*>(at), bytes, pool, stream));
}
cudaError_t cudaFreeAsync(void* at, cudaStream_t stream) { RT_PASS(cuMemFreeAsync(address(at), stream)); }
cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* properties) {
  static_assert(sizeof(cudaMemPoolProps) == sizeof(CUmemPoolProps));
  RT_PASS(cuMemPoolCreate(pool, reinterpret_cast<const CUmemPoolProps*>(properties)));
}
cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) { RT_PASS(cuMemPoolDestroy(pool)); }
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t keep) { RT_PASS(cuMemPoolTrimTo(pool, keep)); }
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr name, void* value) {
  RT_PASS(cuMemPoolSetAttribute(pool, CUmemPool_attribute(name), value));
}
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr name, void* value) {
  RT_PASS(cuMemPoolGetAttribute(pool, CUmemPool_attribute(name), value));
}
cudaError_t cudaMemPoolSetAccess(cudaMemPool_t pool, const cudaMemAccessDesc* access, size_t n) {
  RT_PASS(cuMemPoolSetAccess(pool, reinterpret_cast<const CUmemAccessDesc*>(access), n));
}
cudaError_t cudaMemPoolGetAccess(cudaMemAccessFlags* flags, cudaMemPool_t pool, cudaMemLocation* where) {
  RT_PASS(cuMemPoolGetAccess(reinterpret_cast<CUmemAccess_flags*>(flags), pool,
                             reinterpret_cast<CUmemLocation*>(where)));
}
cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  RT_PASS(cuDeviceGetDefaultMemPool(pool, device));
}
cudaError_t cudaDeviceGetMemPool(cudaMemPool_t* pool, int device) {
  RT_PASS(cuDeviceGetMemPool(pool, device));
}
cudaError_t cudaDeviceSetMemPool(int device, cudaMemPool_t pool) {
  RT_PASS(cuDeviceSetMemPool(device, pool));
}
cudaError_t cudaMemAdvise(const void* at, size_t bytes, cudaMemoryAdvise advice, cudaMemLocation where) {
  RT_PASS(cuMemAdvise(address(at), bytes, CUmem_advise(advice), {CUmemLocationType(where.type), where.id}));
}
cudaError_t cudaMemPrefetchAsync(const void* at, size_t bytes, cudaMemLocation where, unsigned flags,
                                 cudaStream_t stream) {
  RT_PASS(cuMemPrefetchAsync(address(at), bytes, {CUmemLocationType(where.type), where.id}, flags, stream));
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* a, const void* p) {
  RT_TRY(start());
  if (!a) return note(cudaErrorInvalidValue);
  std::memset(a, 0, sizeof *a);
  unsigned kind = 0;
  if (cuPointerGetAttribute(&kind, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, address(p)) != CUDA_SUCCESS) {
    a->type = cudaMemoryTypeUnregistered, a->device = -2, a->hostPointer = const_cast<void*>(p);
    return cudaSuccess;
  }
  bool managed = false;
  cuPointerGetAttribute(&managed, CU_POINTER_ATTRIBUTE_IS_MANAGED, address(p));
  a->type = managed                      ? cudaMemoryTypeManaged
            : kind == CU_MEMORYTYPE_HOST ? cudaMemoryTypeHost
                                         : cudaMemoryTypeDevice;
  a->devicePointer = const_cast<void*>(p);
  if (a->type != cudaMemoryTypeDevice) a->hostPointer = const_cast<void*>(p);
  return cudaSuccess;
}
