// Streams and events. Work is done when its call returns, so streams are in order by themselves and events
// are points in time; a stream that captures gives its work to the graph instead.
#include <algorithm>

#include "state.h"

namespace sim::driver {

CUresult known_event(CUevent event, EventHandle*& out) {
  std::lock_guard g(State::get().lock);
  auto it = State::get().events.find(reinterpret_cast<EventHandle*>(event));
  if (it == State::get().events.end())
    return fail(CUDA_ERROR_INVALID_HANDLE, "expected an event that was created and not destroyed");
  out = it->second.get();
  return CUDA_SUCCESS;
}

StreamHandle* stream_of(CUstream s) {
  State& state = State::get();
  if (!s || s == CU_STREAM_LEGACY) return &state.legacy;
  if (s == CU_STREAM_PER_THREAD) return &state.per_thread;
  auto it = state.streams.find(s);
  return it == state.streams.end() ? nullptr : it->second.get();
}
CUresult known_stream(CUstream s) {
  std::lock_guard g(State::get().lock);
  if (stream_of(s)) return CUDA_SUCCESS;
  return fail(CUDA_ERROR_INVALID_HANDLE, "expected a stream that was created and not destroyed");
}

CUstreamCaptureMode& capture_mode() {
  static thread_local CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
  return mode;
}

CUresult unsafe_in_capture(const char* call) {
  State& s = State::get();
  std::lock_guard g(s.lock);
  if (!s.captures || capture_mode() == CU_STREAM_CAPTURE_MODE_RELAXED) return CUDA_SUCCESS;
  for (const auto& [stream, h] : s.streams) {
    if (!h->capture || h->capture->mode == CU_STREAM_CAPTURE_MODE_RELAXED) continue;
    bool mine = h->capture->thread == std::this_thread::get_id();
    bool all =
        h->capture->mode == CU_STREAM_CAPTURE_MODE_GLOBAL && capture_mode() == CU_STREAM_CAPTURE_MODE_GLOBAL;
    if (!mine && !all) continue;
    h->capture->invalidated = true;
    return fail(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
                std::string(call) + " is not permitted while a stream captures");
  }
  return CUDA_SUCCESS;
}

CUresult submit(CUstream stream, std::unique_ptr<Work> work) {
  std::shared_ptr<Capture> capture;
  {
    std::lock_guard g(State::get().lock);
    StreamHandle* h = stream_of(stream);
    if (!h) return fail(CUDA_ERROR_INVALID_HANDLE, "expected a stream that was created and not destroyed");
    capture = h->capture;
    // The legacy stream waits for every blocking stream, so it may not get work while one of them captures.
    if (!capture && h == &State::get().legacy && State::get().captures)
      for (const auto& [id, other] : State::get().streams)
        if (other->capture && !(other->flags & CU_STREAM_NON_BLOCKING)) {
          other->capture->invalidated = true;
          return fail(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT,
                      "work for the default stream would make it depend on a blocking stream that captures");
        }
    if (capture && capture->invalidated)
      return fail(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "an earlier call ended the capture of this stream");
  }
  return capture ? capture->add(stream, std::move(work)) : work->run();
}

CUresult cuStreamCreate(CUstream* stream, unsigned flags) {
  return driver::cuStreamCreateWithPriority(stream, flags, 0);
}
CUresult cuStreamCreateWithPriority(CUstream* stream, unsigned flags, int priority) {
  SIM_TRY(ready());
  if (!stream || flags > CU_STREAM_NON_BLOCKING)
    return fail(CUDA_ERROR_INVALID_VALUE,
                "cuStreamCreate expects flags 0 or 1 and a place for the stream, found flags " +
                    std::to_string(flags));
  std::lock_guard g(State::get().lock);
  auto h = std::make_unique<StreamHandle>();
  h->flags = flags, h->priority = std::max(-5, std::min(0, priority)), h->id = State::get().next_stream += 16;
  *stream = reinterpret_cast<CUstream>(h.get());
  State::get().streams[*stream] = std::move(h);
  return CUDA_SUCCESS;
}
CUresult cuStreamDestroy(CUstream stream) {
  SIM_TRY(ready());
  std::lock_guard g(State::get().lock);
  auto it = State::get().streams.find(stream);
  if (it == State::get().streams.end())
    return fail(CUDA_ERROR_INVALID_HANDLE, "cuStreamDestroy expects a stream that was created");
  if (it->second->capture) --State::get().captures;
  State::get().streams.erase(it);
  return CUDA_SUCCESS;
}
CUresult cuStreamSynchronize(CUstream stream) {
  SIM_TRY(ready());
  std::lock_guard g(State::get().lock);
  StreamHandle* h = stream_of(stream);
  if (!h) return fail(CUDA_ERROR_INVALID_HANDLE, "expected a stream that was created and not destroyed");
  if (!h->capture) return CUDA_SUCCESS;
  h->capture->invalidated = true;
  return fail(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
              "cuStreamSynchronize and cuStreamQuery are not permitted on a stream that captures");
}
CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned) {
  SIM_TRY(ready());
  SIM_TRY(known_stream(stream));
  EventHandle* e;
  SIM_TRY(known_event(event, e));
  std::lock_guard g(State::get().lock);
  StreamHandle* h = stream_of(stream);
  if (!e->capture) {
    if (!h->capture) return CUDA_SUCCESS;
    h->capture->invalidated = true;
    return fail(CUDA_ERROR_STREAM_CAPTURE_ISOLATION,
                "a stream that captures waits for an event recorded outside the capture");
  }
  if (h->capture && h->capture != e->capture)
    return fail(CUDA_ERROR_STREAM_CAPTURE_MERGE,
                "a stream that captures waits for an event of another capture");
  if (!h->capture) {
    if (h == &State::get().legacy)
      return fail(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, "the default stream cannot join a capture");
    h->capture = e->capture, h->after.clear(), ++State::get().captures;
  }
  for (CUgraphNode n : e->after)
    if (std::find(h->after.begin(), h->after.end(), n) == h->after.end()) h->after.push_back(n);
  return CUDA_SUCCESS;
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
  std::lock_guard g(State::get().lock);
  StreamHandle* h = stream_of(stream);
  if (h->capture && h->capture->invalidated)
    return fail(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "an earlier call ended the capture of this stream");
  e->capture = h->capture, e->after = h->after, e->captured = false;
  if (h->capture) return CUDA_SUCCESS;
  e->after.clear();
  e->recorded = true, e->at = std::chrono::steady_clock::now();
  return CUDA_SUCCESS;
}
CUresult cuEventSynchronize(CUevent event) {
  SIM_TRY(ready());
  EventHandle* e;
  SIM_TRY(known_event(event, e));
  if (e->captured)
    return fail(CUDA_ERROR_INVALID_VALUE, "the event was last recorded in a stream that captured");
  if (!e->capture) return CUDA_SUCCESS;
  e->capture->invalidated = true;
  return fail(CUDA_ERROR_CAPTURED_EVENT, "the event was last recorded in a stream that captures");
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
