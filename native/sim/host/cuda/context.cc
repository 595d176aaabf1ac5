// Contexts, limits and facts about the device beyond native/sim/driver/device.cc. All contexts are the one
// device's.
#include <cstring>
#include <vector>

#include "common.h"

using namespace sim::host;

namespace {
thread_local std::vector<CUcontext> below;  // of the current one, by cuCtxPushCurrent
thread_local size_t limits[CU_LIMIT_MAX] = {1024, 8 << 20, 8 << 20, 2, 2048, 128, 0};

CUresult make(CUcontext* context, CUdevice device) {
  SIM_TRY(check_device(device));
  if (!context) return null("cuCtxCreate");
  CUcontext old = nullptr;
  SIM_TRY(driver::cuCtxGetCurrent(&old));
  {
    std::lock_guard g(State::get().lock);
    static uint64_t next = 0x5320000;
    *context = reinterpret_cast<CUcontext>(next += 16);
    State::get().contexts.insert(*context);
  }
  below.push_back(old);
  return driver::cuCtxSetCurrent(*context);
}
}  // namespace

CUresult cuCtxCreate_v2(CUcontext* context, unsigned, CUdevice device) { return make(context, device); }
CUresult cuCtxCreate_v3(CUcontext* context, CUexecAffinityParam*, int, unsigned, CUdevice device) {
  return make(context, device);
}
CUresult cuCtxCreate(CUcontext* context, CUctxCreateParams*, unsigned, CUdevice device) {
  return make(context, device);
}
CUresult cuCtxDestroy(CUcontext context) {
  CUcontext now = nullptr;
  driver::cuCtxGetCurrent(&now);
  {
    std::lock_guard g(State::get().lock);
    if (!State::get().contexts.erase(context))
      return fail(CUDA_ERROR_INVALID_CONTEXT, "cuCtxDestroy expects a context of cuCtxCreate");
  }
  if (now != context) return CUDA_SUCCESS;
  CUcontext old = below.empty() ? nullptr : below.back();
  if (!below.empty()) below.pop_back();
  return driver::cuCtxSetCurrent(old);
}
CUresult cuCtxPushCurrent(CUcontext context) {
  CUcontext old = nullptr;
  driver::cuCtxGetCurrent(&old);
  SIM_TRY(driver::cuCtxSetCurrent(context));
  below.push_back(old);
  return CUDA_SUCCESS;
}
CUresult cuCtxPopCurrent(CUcontext* context) {
  CUcontext now = nullptr;
  driver::cuCtxGetCurrent(&now);
  if (!now) return fail(CUDA_ERROR_INVALID_CONTEXT, "cuCtxPopCurrent expects a current context");
  if (context) *context = now;
  CUcontext old = below.empty() ? nullptr : below.back();
  if (!below.empty()) below.pop_back();
  return driver::cuCtxSetCurrent(old);
}
CUresult cuCtxGetDevice(CUdevice* device) {
  SIM_TRY(ready());
  if (!device) return null("cuCtxGetDevice");
  *device = 0;
  return CUDA_SUCCESS;
}
CUresult cuCtxGetDevice_v2(CUdevice* device, CUcontext) { return cuCtxGetDevice(device); }
CUresult cuCtxGetFlags(unsigned* flags) {
  if (flags) *flags = 0;
  return ready();
}
CUresult cuCtxGetId(CUcontext context, unsigned long long* id) {
  if (id) *id = reinterpret_cast<uint64_t>(context);
  return ready();
}
CUresult cuCtxGetApiVersion(CUcontext, unsigned* version) {
  if (version) *version = CUDA_VERSION;
  return CUDA_SUCCESS;
}
CUresult cuCtxGetLimit(size_t* value, CUlimit limit) {
  SIM_TRY(ready());
  if (!value || unsigned(limit) >= CU_LIMIT_MAX) return fail(CUDA_ERROR_UNSUPPORTED_LIMIT, "no such limit");
  *value = limits[limit];
  return CUDA_SUCCESS;
}
CUresult cuCtxSetLimit(CUlimit limit, size_t value) {
  SIM_TRY(ready());
  if (unsigned(limit) >= CU_LIMIT_MAX) return fail(CUDA_ERROR_UNSUPPORTED_LIMIT, "no such limit");
  limits[limit] = value;
  return CUDA_SUCCESS;
}
CUresult cuCtxGetCacheConfig(CUfunc_cache* config) {
  if (config) *config = CU_FUNC_CACHE_PREFER_NONE;
  return ready();
}
CUresult cuCtxSetCacheConfig(CUfunc_cache) { return ready(); }
CUresult cuCtxGetStreamPriorityRange(int* least, int* greatest) {
  SIM_TRY(ready());
  if (least) *least = 0;
  if (greatest) *greatest = -5;
  return CUDA_SUCCESS;
}
CUresult cuCtxResetPersistingL2Cache() { return ready(); }
CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned* flags, int* active) {
  SIM_TRY(check_device(device));
  if (flags) *flags = 0;
  if (active) *active = State::get().context_users > 0;
  return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxSetFlags(CUdevice device, unsigned) { return check_device(device); }
CUresult cuDevicePrimaryCtxReset(CUdevice device) { return check_device(device); }

CUresult cuDeviceGetUuid(CUuuid* id, CUdevice device) {
  SIM_TRY(check_device(device));
  if (!id) return null("cuDeviceGetUuid");
  std::memcpy(id, "virtual-sm100-00", 16);
  return CUDA_SUCCESS;
}
CUresult cuDeviceComputeCapability(int* major, int* minor, CUdevice device) {
  SIM_TRY(check_device(device));
  if (major) *major = 10;
  if (minor) *minor = 0;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetPCIBusId(char* id, int length, CUdevice device) {
  SIM_TRY(check_device(device));
  if (!id || length < 13) return null("cuDeviceGetPCIBusId", "room for 13 characters");
  std::strcpy(id, "0000:00:00.0");
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetByPCIBusId(CUdevice* device, const char* id) {
  if (!device || !id || std::strncmp(id, "0000:00:00", 10))
    return fail(CUDA_ERROR_INVALID_VALUE, "no device has this PCI bus id");
  *device = 0;
  return CUDA_SUCCESS;
}
CUresult cuDeviceCanAccessPeer(int* can, CUdevice, CUdevice) {
  if (!can) return null("cuDeviceCanAccessPeer");
  *can = 0;  // there is no second device
  return CUDA_SUCCESS;
}
CUresult cuFlushGPUDirectRDMAWrites(CUflushGPUDirectRDMAWritesTarget, CUflushGPUDirectRDMAWritesScope) {
  return ready();
}
extern "C" CUresult cuProfilerStart() { return CUDA_SUCCESS; }
extern "C" CUresult cuProfilerStop() { return CUDA_SUCCESS; }
