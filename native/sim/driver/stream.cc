// Streams and events. Work is done when its call returns, so streams are in order by themselves and events
// are points in time.
#include "state.h"

namespace sim::driver {

namespace {
CUresult known_event(CUevent event, EventHandle*& out) {
  std::lock_guard g(State::get().lock);
  auto it = State::get().events.find(reinterpret_cast<EventHandle*>(event));
  if (it == State::get().events.end())
    return fail(CUDA_ERROR_INVALID_HANDLE, "expected an event that was created and not destroyed");
  out = it->second.get();
  return CUDA_SUCCESS;
}
}  // namespace

CUresult known_stream(CUstream s) {
  if (!s || s == CU_STREAM_LEGACY || s == CU_STREAM_PER_THREAD) return CUDA_SUCCESS;
  std::lock_guard g(State::get().lock);
  if (State::get().streams.count(s)) return CUDA_SUCCESS;
  return fail(CUDA_ERROR_INVALID_HANDLE, "expected a stream that was created and not destroyed");
}

CUresult cuStreamCreate(CUstream* stream, unsigned flags) {
  SIM_TRY(ready());
  if (!stream || flags > CU_STREAM_NON_BLOCKING)
    return fail(CUDA_ERROR_INVALID_VALUE,
                "cuStreamCreate expects flags 0 or 1 and a place for the stream, found flags " +
                    std::to_string(flags));
  std::lock_guard g(State::get().lock);
  *stream = reinterpret_cast<CUstream>(State::get().next_stream += 16);
  State::get().streams.insert(*stream);
  return CUDA_SUCCESS;
}
CUresult cuStreamDestroy(CUstream stream) {
  SIM_TRY(ready());
  std::lock_guard g(State::get().lock);
  if (!State::get().streams.erase(stream))
    return fail(CUDA_ERROR_INVALID_HANDLE, "cuStreamDestroy expects a stream that was created");
  return CUDA_SUCCESS;
}
CUresult cuStreamSynchronize(CUstream stream) {
  SIM_TRY(ready());
  return known_stream(stream);
}
CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned) {
  SIM_TRY(ready());
  SIM_TRY(known_stream(stream));
  EventHandle* e;
  return known_event(event, e);
}

CUresult cuEventCreate(CUevent* event, unsigned flags) {
  SIM_TRY(ready());
  if (!event)
    return fail(CUDA_ERROR_INVALID_VALUE, "cuEventCreate expects a place for the event, found null");
  auto e = std::make_unique<EventHandle>();
  e->timed = !(flags & CU_EVENT_DISABLE_TIMING);
  std::lock_guard g(State::get().lock);
  *event = reinterpret_cast<CUevent>(e.get());
  State::get().events[e.get()] = std::move(e);
  return CUDA_SUCCESS;
}
CUresult cuEventDestroy(CUevent event) {
  SIM_TRY(ready());
  EventHandle* e;
  SIM_TRY(known_event(event, e));
  std::lock_guard g(State::get().lock);
  State::get().events.erase(e);
  return CUDA_SUCCESS;
}
CUresult cuEventRecord(CUevent event, CUstream stream) {
  SIM_TRY(ready());
  SIM_TRY(known_stream(stream));
  EventHandle* e;
  SIM_TRY(known_event(event, e));
  e->recorded = true, e->at = std::chrono::steady_clock::now();
  return CUDA_SUCCESS;
}
CUresult cuEventSynchronize(CUevent event) {
  SIM_TRY(ready());
  EventHandle* e;
  return known_event(event, e);
}
CUresult cuEventElapsedTime(float* milliseconds, CUevent from, CUevent to) {
  SIM_TRY(ready());
  EventHandle *a, *b;
  SIM_TRY(known_event(from, a));
  SIM_TRY(known_event(to, b));
  if (!milliseconds)
    return fail(CUDA_ERROR_INVALID_VALUE, "cuEventElapsedTime expects a place for the time, found null");
  if (!a->recorded || !b->recorded || !a->timed || !b->timed)
    return fail(CUDA_ERROR_INVALID_HANDLE,
                "cuEventElapsedTime expects two events that were recorded with timing");
  *milliseconds = std::chrono::duration<float, std::milli>(b->at - a->at).count();
  return CUDA_SUCCESS;
}

}  // namespace sim::driver
