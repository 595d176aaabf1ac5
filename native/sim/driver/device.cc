// The device as cuDeviceGetAttribute describes it: a B200's figures where a kernel or a launcher may ask for
// them.
#include <algorithm>
#include <cstring>

#include "limits.h"
#include "state.h"

namespace sim::driver {

namespace {

struct Attribute {
  CUdevice_attribute name;
  int value;
};
// Where the figures come from:
//   [G] CUDA C++ Programming Guide 13.0, "Technical Specifications per Compute Capability", column 10.0
//   [B] a B200 as its driver and nvidia-smi describe it in public logs: 148 SMs, clocks, bus, L2, memory
//   [H] an H200's driver, where the guide is silent and nothing points to a difference
//   [V] what is true of the virtual device
#define A(name) CU_DEVICE_ATTRIBUTE_##name
constexpr Attribute ATTRIBUTES[] = {
    // [G]
    {A(MAX_THREADS_PER_BLOCK), 1024},
    {A(MAX_BLOCK_DIM_X), 1024},
    {A(MAX_BLOCK_DIM_Y), 1024},
    {A(MAX_BLOCK_DIM_Z), 64},
    {A(MAX_GRID_DIM_X), 0x7fffffff},
    {A(MAX_GRID_DIM_Y), 65535},
    {A(MAX_GRID_DIM_Z), 65535},
    {A(MAX_SHARED_MEMORY_PER_BLOCK), 48 * 1024},
    {A(MAX_SHARED_MEMORY_PER_BLOCK_OPTIN), limits::SHARED_BLOCK},
    {A(MAX_SHARED_MEMORY_PER_MULTIPROCESSOR), limits::SHARED_SM},
    {A(RESERVED_SHARED_MEMORY_PER_BLOCK), limits::SHARED_RESERVED},
    {A(TOTAL_CONSTANT_MEMORY), 64 * 1024},
    {A(WARP_SIZE), 32},
    {A(MAX_REGISTERS_PER_BLOCK), 65536},
    {A(MAX_REGISTERS_PER_MULTIPROCESSOR), limits::REGISTERS_SM},
    {A(MAX_THREADS_PER_MULTIPROCESSOR), limits::THREADS_SM},
    {A(MAX_BLOCKS_PER_MULTIPROCESSOR), limits::BLOCKS_SM},
    {A(COMPUTE_CAPABILITY_MAJOR), 10},
    {A(COMPUTE_CAPABILITY_MINOR), 0},
    {A(MAXIMUM_TEXTURE1D_WIDTH), 131072},
    {A(MAXIMUM_TEXTURE2D_WIDTH), 131072},
    {A(MAXIMUM_TEXTURE2D_HEIGHT), 65536},
    {A(MAXIMUM_TEXTURE3D_WIDTH), 16384},
    {A(MAXIMUM_TEXTURE3D_HEIGHT), 16384},
    {A(MAXIMUM_TEXTURE3D_DEPTH), 16384},
    // [B]
    {A(MULTIPROCESSOR_COUNT), 148},
    {A(CLOCK_RATE), 1965000},
    {A(MEMORY_CLOCK_RATE), 3996000},
    {A(GLOBAL_MEMORY_BUS_WIDTH), 8192},
    {A(L2_CACHE_SIZE), 132644864},
    {A(ECC_ENABLED), 1},
    // [H]
    {A(MAX_PITCH), 0x7fffffff},
    {A(TEXTURE_ALIGNMENT), 512},
    {A(TEXTURE_PITCH_ALIGNMENT), 32},
    {A(SURFACE_ALIGNMENT), 512},
    {A(GPU_OVERLAP), 1},
    {A(ASYNC_ENGINE_COUNT), 4},
    {A(CONCURRENT_KERNELS), 1},
    {A(UNIFIED_ADDRESSING), 1},
    {A(STREAM_PRIORITIES_SUPPORTED), 1},
    {A(GLOBAL_L1_CACHE_SUPPORTED), 1},
    {A(LOCAL_L1_CACHE_SUPPORTED), 1},
    {A(SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO), 2},
    {A(COMPUTE_PREEMPTION_SUPPORTED), 1},
    {A(COOPERATIVE_LAUNCH), 1},
    {A(CLUSTER_LAUNCH), 1},
    {A(TENSOR_MAP_ACCESS_SUPPORTED), 1},
    {A(CAN_USE_64_BIT_STREAM_MEM_OPS), 1},
    {A(CAN_USE_STREAM_WAIT_VALUE_NOR), 1},
    {A(MAX_PERSISTING_L2_CACHE_SIZE), 79 << 20},
    {A(MAX_ACCESS_POLICY_WINDOW_SIZE), 128 << 20},
    {A(UNIFIED_FUNCTION_POINTERS), 1},
    {A(PCI_BUS_ID), 0},
    {A(PCI_DEVICE_ID), 0},
    {A(PCI_DOMAIN_ID), 0},
    {A(TCC_DRIVER), 0},
    {A(KERNEL_EXEC_TIMEOUT), 0},
    {A(COMPUTE_MODE), 0},
    {A(INTEGRATED), 0},
    {A(MULTI_GPU_BOARD), 0},
    {A(MULTI_GPU_BOARD_GROUP_ID), 0},
    {A(PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES), 0},
    {A(NUMA_CONFIG), 0},
    {A(NUMA_ID), -1},
    {A(HOST_NUMA_ID), -1},
    // [V]
    {A(MEMORY_POOLS_SUPPORTED), 1},
    {A(MANAGED_MEMORY), 1},
    {A(CAN_MAP_HOST_MEMORY), 1},
    {A(HOST_REGISTER_SUPPORTED), 1},
    {A(CONCURRENT_MANAGED_ACCESS), 1},
    {A(HOST_NATIVE_ATOMIC_SUPPORTED), 0},
    {A(PAGEABLE_MEMORY_ACCESS), 0},
    {A(CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM), 0},
    {A(DIRECT_MANAGED_MEM_ACCESS_FROM_HOST), 1},
    {A(READ_ONLY_HOST_REGISTER_SUPPORTED), 0},
    {A(MEMPOOL_SUPPORTED_HANDLE_TYPES), 0},
    {A(VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED), 0},
    {A(MULTICAST_SUPPORTED), 0},
    {A(IPC_EVENT_SUPPORTED), 0},
    {A(GPU_DIRECT_RDMA_SUPPORTED), 0},
    {A(GPU_DIRECT_RDMA_FLUSH_WRITES_OPTIONS), 0},
    {A(GPU_DIRECT_RDMA_WRITES_ORDERING), 0},
    {A(SPARSE_CUDA_ARRAY_SUPPORTED), 0},
    {A(DEFERRED_MAPPING_CUDA_ARRAY_SUPPORTED), 0},
    {A(TIMELINE_SEMAPHORE_INTEROP_SUPPORTED), 0},
    {A(DMA_BUF_SUPPORTED), 0},
    {A(GENERIC_COMPRESSION_SUPPORTED), 0},
    {A(HANDLE_TYPE_POSIX_FILE_DESCRIPTOR_SUPPORTED), 0},
    {A(HANDLE_TYPE_FABRIC_SUPPORTED), 0},
    {A(MPS_ENABLED), 0},
    {A(GPU_PCI_DEVICE_ID), 0},
    {A(GPU_PCI_SUBSYSTEM_ID), 0},
    {A(MEM_DECOMPRESS_ALGORITHM_MASK), 0},
    {A(MEM_DECOMPRESS_MAXIMUM_LENGTH), 0},
};
#undef A

CUresult null(const char* call) {
  return fail(CUDA_ERROR_INVALID_VALUE, std::string(call) + " expects a place for its result, found null");
}

}  // namespace

uint64_t device_bytes() { return std::min(limits::DEVICE_BYTES, Memory::device().total()); }

CUresult cuDriverGetVersion(int* version) {
  if (!version) return null("cuDriverGetVersion");
  *version = 13000;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetCount(int* count) {
  SIM_TRY(check_device(0));
  if (!count) return null("cuDeviceGetCount");
  *count = 1;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  SIM_TRY(check_device(ordinal));
  if (!device) return null("cuDeviceGet");
  *device = 0;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetName(char* name, int length, CUdevice device) {
  SIM_TRY(check_device(device));
  if (!name || length < 1) return null("cuDeviceGetName");
  std::strncpy(name, "Virtual SM100 (B200)", size_t(length));
  name[length - 1] = 0;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice device) {
  SIM_TRY(check_device(device));
  if (!value) return null("cuDeviceGetAttribute");
  for (const Attribute& a : ATTRIBUTES)
    if (a.name == attribute) return *value = a.value, CUDA_SUCCESS;
  return fail(CUDA_ERROR_INVALID_VALUE,
              "the virtual device has no attribute " + std::to_string(int(attribute)));
}
CUresult cuDeviceTotalMem(size_t* bytes, CUdevice device) {
  SIM_TRY(check_device(device));
  if (!bytes) return null("cuDeviceTotalMem");
  *bytes = device_bytes();
  return CUDA_SUCCESS;
}

}  // namespace sim::driver
