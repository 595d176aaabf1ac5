// The device as cuDeviceGetAttribute describes it: a B200's figures where a kernel or a launcher may ask for
// them.
#include <cstring>

#include "state.h"

namespace sim::driver {

namespace {

struct Attribute {
  CUdevice_attribute name;
  int value;
};
constexpr Attribute ATTRIBUTES[] = {
    {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 1024},
    {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, 1024},
    {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, 1024},
    {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z, 64},
    {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, 0x7fffffff},
    {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, 65535},
    {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, 65535},
    {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, 48 * 1024},
    {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, 227 * 1024},
    {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, 228 * 1024},
    {CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK, 1024},
    {CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY, 64 * 1024},
    {CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32},
    {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, 65536},
    {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR, 65536},
    {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, 2048},
    {CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR, 32},
    {CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 148},
    {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 10},
    {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0},
    {CU_DEVICE_ATTRIBUTE_CLOCK_RATE, 1965000},
    {CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, 3996000},
    {CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, 8192},
    {CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, 132644864},
    {CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, 1},
    {CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH, 1},
    {CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS, 1},
    {CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT, 4},
    {CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, 0},
    {CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH, 1},
    {CU_DEVICE_ATTRIBUTE_TENSOR_MAP_ACCESS_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_ECC_ENABLED, 1},
    {CU_DEVICE_ATTRIBUTE_INTEGRATED, 0},
    {CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY, 0},
    {CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY, 0},
    {CU_DEVICE_ATTRIBUTE_PCI_BUS_ID, 0},
    {CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID, 0},
    {CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID, 0},
    {CU_DEVICE_ATTRIBUTE_TCC_DRIVER, 0},
    {CU_DEVICE_ATTRIBUTE_KERNEL_EXEC_TIMEOUT, 0},
    {CU_DEVICE_ATTRIBUTE_COMPUTE_MODE, 0},
};

CUresult check_device(CUdevice device) {
  if (!State::get().initialised)
    return fail(CUDA_ERROR_NOT_INITIALIZED, "cuInit comes before any other call");
  if (device != 0)
    return fail(CUDA_ERROR_INVALID_DEVICE, "there is one virtual device, 0, found " + std::to_string(device));
  return CUDA_SUCCESS;
}
CUresult null(const char* call) {
  return fail(CUDA_ERROR_INVALID_VALUE, std::string(call) + " expects a place for its result, found null");
}

}  // namespace

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
  *bytes = Memory::device().total();
  return CUDA_SUCCESS;
}

}  // namespace sim::driver
