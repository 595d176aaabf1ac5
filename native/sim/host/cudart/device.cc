// The device, its properties, and versions.
#include <cstring>

#include "common.h"

using namespace sim::cudart;

namespace {
int attribute(CUdevice_attribute name) {
  int v = 0;
  cuDeviceGetAttribute(&v, name, 0);
  return v;
}
thread_local int current = 0;
thread_local unsigned flags_set = 0;
}  // namespace

cudaError_t cudaRuntimeGetVersion(int* version) {
  if (!version) return note(cudaErrorInvalidValue);
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) { return note(cuDriverGetVersion(version)); }
cudaError_t cudaGetDeviceCount(int* n) {
  RT_TRY(cuInit(0));
  return note(cuDeviceGetCount(n));
}
cudaError_t cudaGetDevice(int* device) {
  if (!device) return note(cudaErrorInvalidValue);
  *device = current;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  if (device != 0) return note(cudaErrorInvalidDevice);
  current = device;
  RT_PASS(CUDA_SUCCESS);
}
cudaError_t cudaInitDevice(int device, unsigned, unsigned) { return cudaSetDevice(device); }
cudaError_t cudaSetValidDevices(int*, int) { return cudaSuccess; }
cudaError_t cudaSetDeviceFlags(unsigned flags) { return flags_set = flags, cudaSuccess; }
cudaError_t cudaGetDeviceFlags(unsigned* flags) {
  if (!flags) return note(cudaErrorInvalidValue);
  *flags = flags_set;
  return cudaSuccess;
}
cudaError_t cudaChooseDevice(int* device, const cudaDeviceProp*) { return cudaGetDevice(device); }
cudaError_t cudaDeviceSynchronize() { RT_PASS(cuCtxSynchronize()); }
cudaError_t cudaDeviceReset() { RT_PASS(CUDA_SUCCESS); }
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr name, int device) {
  RT_TRY(cuInit(0));
  return note(cuDeviceGetAttribute(value, CUdevice_attribute(name), device));  // the same numbers
}
cudaError_t cudaDeviceGetLimit(size_t* value, cudaLimit limit) {
  RT_PASS(cuCtxGetLimit(value, CUlimit(limit)));
}
cudaError_t cudaDeviceSetLimit(cudaLimit limit, size_t value) {
  RT_PASS(cuCtxSetLimit(CUlimit(limit), value));
}
cudaError_t cudaDeviceGetCacheConfig(cudaFuncCache* config) {
  RT_PASS(cuCtxGetCacheConfig(reinterpret_cast<CUfunc_cache*>(config)));
}
cudaError_t cudaDeviceSetCacheConfig(cudaFuncCache config) {
  RT_PASS(cuCtxSetCacheConfig(CUfunc_cache(config)));
}
cudaError_t cudaDeviceGetSharedMemConfig(cudaSharedMemConfig* config) {
  if (!config) return note(cudaErrorInvalidValue);
  *config = cudaSharedMemBankSizeFourByte;
  return cudaSuccess;
}
cudaError_t cudaDeviceSetSharedMemConfig(cudaSharedMemConfig) { return cudaSuccess; }
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  RT_PASS(cuCtxGetStreamPriorityRange(least, greatest));
}
cudaError_t cudaDeviceGetPCIBusId(char* id, int length, int device) {
  RT_PASS(cuDeviceGetPCIBusId(id, length, device));
}
cudaError_t cudaDeviceGetByPCIBusId(int* device, const char* id) {
  RT_PASS(cuDeviceGetByPCIBusId(device, id));
}
cudaError_t cudaDeviceCanAccessPeer(int* can, int a, int b) { RT_PASS(cuDeviceCanAccessPeer(can, a, b)); }
cudaError_t cudaDeviceEnablePeerAccess(int, unsigned) { return note(cudaErrorPeerAccessUnsupported); }
cudaError_t cudaDeviceDisablePeerAccess(int) { return note(cudaErrorPeerAccessNotEnabled); }
cudaError_t cudaCtxResetPersistingL2Cache() { RT_PASS(CUDA_SUCCESS); }
extern "C" cudaError_t cudaProfilerStart() { return cudaSuccess; }
extern "C" cudaError_t cudaProfilerStop() { return cudaSuccess; }

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
  RT_TRY(cuInit(0));
  if (!p) return note(cudaErrorInvalidValue);
  if (device != 0) return note(cudaErrorInvalidDevice);
  std::memset(p, 0, sizeof *p);
  RT_TRY(cuDeviceGetName(p->name, sizeof p->name, 0));
  RT_TRY(cuDeviceGetUuid(reinterpret_cast<CUuuid*>(&p->uuid), 0));
  RT_TRY(cuDeviceTotalMem(&p->totalGlobalMem, 0));
#define FIELD(field, name) p->field = static_cast<decltype(p->field)>(attribute(CU_DEVICE_ATTRIBUTE_##name))
#define CELL(field, k, name) p->field[k] = attribute(CU_DEVICE_ATTRIBUTE_##name)
  FIELD(sharedMemPerBlock, MAX_SHARED_MEMORY_PER_BLOCK);
  FIELD(regsPerBlock, MAX_REGISTERS_PER_BLOCK);
  FIELD(warpSize, WARP_SIZE);
  FIELD(memPitch, MAX_PITCH);
  FIELD(maxThreadsPerBlock, MAX_THREADS_PER_BLOCK);
  CELL(maxThreadsDim, 0, MAX_BLOCK_DIM_X), CELL(maxThreadsDim, 1, MAX_BLOCK_DIM_Y),
      CELL(maxThreadsDim, 2, MAX_BLOCK_DIM_Z);
  CELL(maxGridSize, 0, MAX_GRID_DIM_X), CELL(maxGridSize, 1, MAX_GRID_DIM_Y),
      CELL(maxGridSize, 2, MAX_GRID_DIM_Z);
  FIELD(totalConstMem, TOTAL_CONSTANT_MEMORY);
  FIELD(major, COMPUTE_CAPABILITY_MAJOR);
  FIELD(minor, COMPUTE_CAPABILITY_MINOR);
  FIELD(textureAlignment, TEXTURE_ALIGNMENT);
  FIELD(texturePitchAlignment, TEXTURE_PITCH_ALIGNMENT);
  FIELD(multiProcessorCount, MULTIPROCESSOR_COUNT);
  FIELD(integrated, INTEGRATED);
  FIELD(canMapHostMemory, CAN_MAP_HOST_MEMORY);
  FIELD(surfaceAlignment, SURFACE_ALIGNMENT);
  FIELD(concurrentKernels, CONCURRENT_KERNELS);
  FIELD(ECCEnabled, ECC_ENABLED);
  FIELD(asyncEngineCount, ASYNC_ENGINE_COUNT);
  FIELD(unifiedAddressing, UNIFIED_ADDRESSING);
  FIELD(memoryBusWidth, GLOBAL_MEMORY_BUS_WIDTH);
  FIELD(l2CacheSize, L2_CACHE_SIZE);
  FIELD(persistingL2CacheMaxSize, MAX_PERSISTING_L2_CACHE_SIZE);
  FIELD(maxThreadsPerMultiProcessor, MAX_THREADS_PER_MULTIPROCESSOR);
  FIELD(streamPrioritiesSupported, STREAM_PRIORITIES_SUPPORTED);
  FIELD(globalL1CacheSupported, GLOBAL_L1_CACHE_SUPPORTED);
  FIELD(localL1CacheSupported, LOCAL_L1_CACHE_SUPPORTED);
  FIELD(sharedMemPerMultiprocessor, MAX_SHARED_MEMORY_PER_MULTIPROCESSOR);
  FIELD(regsPerMultiprocessor, MAX_REGISTERS_PER_MULTIPROCESSOR);
  FIELD(managedMemory, MANAGED_MEMORY);
  FIELD(concurrentManagedAccess, CONCURRENT_MANAGED_ACCESS);
  FIELD(computePreemptionSupported, COMPUTE_PREEMPTION_SUPPORTED);
  FIELD(cooperativeLaunch, COOPERATIVE_LAUNCH);
  FIELD(sharedMemPerBlockOptin, MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  FIELD(directManagedMemAccessFromHost, DIRECT_MANAGED_MEM_ACCESS_FROM_HOST);
  FIELD(maxBlocksPerMultiProcessor, MAX_BLOCKS_PER_MULTIPROCESSOR);
  FIELD(accessPolicyMaxWindowSize, MAX_ACCESS_POLICY_WINDOW_SIZE);
  FIELD(reservedSharedMemPerBlock, RESERVED_SHARED_MEMORY_PER_BLOCK);
  FIELD(hostRegisterSupported, HOST_REGISTER_SUPPORTED);
  FIELD(memoryPoolsSupported, MEMORY_POOLS_SUPPORTED);
  FIELD(clusterLaunch, CLUSTER_LAUNCH);
  FIELD(unifiedFunctionPointers, UNIFIED_FUNCTION_POINTERS);
  FIELD(deviceNumaId, NUMA_ID);
  FIELD(hostNumaId, HOST_NUMA_ID);
#undef FIELD
#undef CELL
  return cudaSuccess;
}
