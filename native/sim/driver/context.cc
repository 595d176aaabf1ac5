// Initialisation, contexts, and what a call finds when it comes: the state of this thread and of the device.
#include "state.h"

namespace sim::driver {

namespace {
// A thread's own objects go before those of the program, whose destructors still free memory and unload
// modules on it: what they are told is lost, not written where the sentence was.
thread_local bool ended = false;
struct Detail {
  std::string text;
  ~Detail() { ended = true; }
};
thread_local Detail detail;
thread_local CUcontext current = nullptr;

void set_detail(const std::string& sentence) {
  if (!ended) detail.text = sentence;
}

struct ErrorName {
  int code;
  const char *name, *text;
};
constexpr ErrorName ERRORS[] = {
#define X(code, name, runtime, text) {code, name, text},
#include "error_list.h"
#undef X
};
const ErrorName* error(CUresult code) {
  for (const ErrorName& e : ERRORS)
    if (e.code == int(code) && e.name) return &e;
  return nullptr;
}
CUresult check_device(CUdevice device) {
  if (!State::get().initialised)
    return fail(CUDA_ERROR_NOT_INITIALIZED, "cuInit comes before any other call");
  if (device != 0)
    return fail(CUDA_ERROR_INVALID_DEVICE, "there is one virtual device, 0, found " + std::to_string(device));
  return CUDA_SUCCESS;
}
}  // namespace

State& State::get() {
  static State* s = new State;
  return *s;
}

CUresult fail(CUresult code, const std::string& sentence) {
  set_detail(sentence);
  if (State::get().tell) State::get().tell(code, sentence);
  return code;
}
const char* last_error_detail() { return ended ? "" : detail.text.c_str(); }

std::string hex(uint64_t v) {
  char s[24];
  std::snprintf(s, sizeof s, "0x%llx", static_cast<unsigned long long>(v));
  return s;
}

CUresult ready() {
  State& s = State::get();
  if (!s.initialised) return fail(CUDA_ERROR_NOT_INITIALIZED, "cuInit comes before any other call");
  if (!current)
    return fail(CUDA_ERROR_INVALID_CONTEXT,
                "no context is current on this thread: cuCtxSetCurrent comes first");
  if (s.sticky != CUDA_SUCCESS)
    return fail(s.sticky, "an earlier fault ended the context: " + s.sticky_detail);
  set_detail("");
  return CUDA_SUCCESS;
}

CUresult cuGetErrorName(CUresult code, const char** text) {
  if (!text) return CUDA_ERROR_INVALID_VALUE;
  const ErrorName* e = error(code);
  *text = e ? e->name : nullptr;
  return e ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
CUresult cuGetErrorString(CUresult code, const char** text) {
  if (!text) return CUDA_ERROR_INVALID_VALUE;
  const ErrorName* e = error(code);
  *text = e ? e->text : nullptr;
  return e ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuInit(unsigned flags) {
  if (flags) return fail(CUDA_ERROR_INVALID_VALUE, "cuInit expects flags 0, found " + std::to_string(flags));
  std::lock_guard g(State::get().lock);
  Memory::device();
  State::get().initialised = true;
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
  SIM_TRY(check_device(device));
  if (!context)
    return fail(CUDA_ERROR_INVALID_VALUE,
                "cuDevicePrimaryCtxRetain expects a place for the context, found null");
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
  State& s = State::get();
  if (!s.initialised) return fail(CUDA_ERROR_NOT_INITIALIZED, "cuInit comes before any other call");
  std::lock_guard g(s.lock);
  if (context && context != the_context() && !s.contexts.count(context))
    return fail(CUDA_ERROR_INVALID_CONTEXT,
                "cuCtxSetCurrent expects the primary context, or one of cuCtxCreate");
  current = context;
  return CUDA_SUCCESS;
}
CUresult cuCtxGetCurrent(CUcontext* context) {
  if (!context)
    return fail(CUDA_ERROR_INVALID_VALUE, "cuCtxGetCurrent expects a place for the context, found null");
  *context = current;
  return CUDA_SUCCESS;
}
CUresult cuCtxSynchronize() {
  SIM_TRY(ready());
  return unsafe_in_capture("cuCtxSynchronize");
}

}  // namespace sim::driver
