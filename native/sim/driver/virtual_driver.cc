// The table, errors, and counters of launches.
#include "state.h"

namespace device {

Driver virtual_driver() {
  Driver d;
#define SIM_FILL(name) d.name = &sim::driver::name;
  DEVICE_ENTRY_POINTS(SIM_FILL)
#undef SIM_FILL
  d.last_error_detail = &sim::driver::last_error_detail;
  return d;
}

}  // namespace device

namespace sim {

namespace {
std::mutex count_lock;
LaunchCount last, sum;
}  // namespace

VirtualOptions& virtual_options() {
  static VirtualOptions options;
  return options;
}
LaunchCount last_launch() {
  std::lock_guard g(count_lock);
  return last;
}
LaunchCount all_launches() {
  std::lock_guard g(count_lock);
  return sum;
}

namespace driver {

namespace {
thread_local std::string detail;
thread_local CUcontext current = nullptr;

struct ErrorName {
  CUresult code;
  const char *name, *text;
};
constexpr ErrorName ERRORS[] = {
    {CUDA_SUCCESS, "CUDA_SUCCESS", "no error"},
    {CUDA_ERROR_INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {CUDA_ERROR_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {CUDA_ERROR_NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {CUDA_ERROR_INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {CUDA_ERROR_INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {CUDA_ERROR_NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU",
     "no kernel image is available for execution on the device"},
    {CUDA_ERROR_INVALID_PTX, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {CUDA_ERROR_INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {CUDA_ERROR_NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {CUDA_ERROR_NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
    {CUDA_ERROR_ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {CUDA_ERROR_LAUNCH_TIMEOUT, "CUDA_ERROR_LAUNCH_TIMEOUT", "the launch timed out and was terminated"},
    {CUDA_ERROR_ASSERT, "CUDA_ERROR_ASSERT", "device-side assert triggered"},
    {CUDA_ERROR_ILLEGAL_INSTRUCTION, "CUDA_ERROR_ILLEGAL_INSTRUCTION",
     "an illegal instruction was encountered"},
    {CUDA_ERROR_MISALIGNED_ADDRESS, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"},
    {CUDA_ERROR_LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {CUDA_ERROR_NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
};
}  // namespace

State& State::get() {
  static State* s = new State;
  return *s;
}

CUresult fail(CUresult code, const std::string& sentence) {
  detail = sentence;
  return code;
}
const char* last_error_detail() { return detail.c_str(); }

std::string hex(uint64_t v) {
  char s[24];
  std::snprintf(s, sizeof s, "0x%llx", static_cast<unsigned long long>(v));
  return s;
}

void record(const std::string& kernel, const LaunchResult& r) {
  std::lock_guard g(count_lock);
  last = {kernel, 1, r.warp_instructions, r.thread_instructions, r.seconds};
  sum.launches += 1, sum.warp_instructions += r.warp_instructions;
  sum.thread_instructions += r.thread_instructions, sum.seconds += r.seconds;
}

CUresult ready() {
  if (!State::get().initialised)
    return fail(CUDA_ERROR_NOT_INITIALIZED, "cuInit comes before any other call");
  if (!current)
    return fail(CUDA_ERROR_INVALID_CONTEXT,
                "no context is current on this thread: cuCtxSetCurrent comes first");
  detail.clear();
  return CUDA_SUCCESS;
}

// ---- errors and contexts
CUresult cuGetErrorName(CUresult error, const char** text) {
  if (!text) return CUDA_ERROR_INVALID_VALUE;
  for (const ErrorName& e : ERRORS)
    if (e.code == error) return *text = e.name, CUDA_SUCCESS;
  *text = nullptr;
  return CUDA_ERROR_INVALID_VALUE;
}
CUresult cuGetErrorString(CUresult error, const char** text) {
  if (!text) return CUDA_ERROR_INVALID_VALUE;
  for (const ErrorName& e : ERRORS)
    if (e.code == error) return *text = e.text, CUDA_SUCCESS;
  *text = nullptr;
  return CUDA_ERROR_INVALID_VALUE;
}

CUresult cuInit(unsigned flags) {
  if (flags) return fail(CUDA_ERROR_INVALID_VALUE, "cuInit expects flags 0, found " + std::to_string(flags));
  std::lock_guard g(State::get().lock);
  Memory::device();
  State::get().initialised = true;
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
  if (!State::get().initialised)
    return fail(CUDA_ERROR_NOT_INITIALIZED, "cuInit comes before any other call");
  if (!context)
    return fail(CUDA_ERROR_INVALID_VALUE,
                "cuDevicePrimaryCtxRetain expects a place for the context, found null");
  if (device != 0)
    return fail(CUDA_ERROR_INVALID_DEVICE, "there is one virtual device, 0, found " + std::to_string(device));
  std::lock_guard g(State::get().lock);
  ++State::get().context_users;
  *context = the_context();
  return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRelease(CUdevice device) {
  if (device != 0)
    return fail(CUDA_ERROR_INVALID_DEVICE, "there is one virtual device, 0, found " + std::to_string(device));
  std::lock_guard g(State::get().lock);
  if (State::get().context_users == 0)
    return fail(CUDA_ERROR_INVALID_CONTEXT, "the primary context was released more often than retained");
  --State::get().context_users;
  return CUDA_SUCCESS;
}
CUresult cuCtxSetCurrent(CUcontext context) {
  if (!State::get().initialised)
    return fail(CUDA_ERROR_NOT_INITIALIZED, "cuInit comes before any other call");
  if (context && context != the_context())
    return fail(CUDA_ERROR_INVALID_CONTEXT, "cuCtxSetCurrent expects the primary context");
  current = context;
  return CUDA_SUCCESS;
}
CUresult cuCtxGetCurrent(CUcontext* context) {
  if (!context)
    return fail(CUDA_ERROR_INVALID_VALUE, "cuCtxGetCurrent expects a place for the context, found null");
  *context = current;
  return CUDA_SUCCESS;
}
CUresult cuCtxSynchronize() { return ready(); }

}  // namespace driver
}  // namespace sim
