// Stream capture: work of the stream, and of streams that wait for its events, becomes nodes of a graph.
#include <algorithm>

#include "graph.h"

using namespace sim::host;

namespace {

struct StreamCapture : Capture {
  Graph* graph = nullptr;
  bool owned = true;   // made by the capture
  uint64_t first = 1;  // nodes before it were in the graph already
  CUstream origin = nullptr;
  uint64_t id = 0;

  CUresult add(CUstream stream, std::unique_ptr<Work> work) override {
    SIM_GRAPHS();
    std::lock_guard g(State::get().lock);
    StreamHandle* h = stream_of(stream);
    if (!h) return fail(CUDA_ERROR_INVALID_HANDLE, "expected a stream that was created and not destroyed");
    if (auto* f = dynamic_cast<FreeWork*>(work.get()))
      for (const auto& n : graph->nodes)
        if (auto* a = dynamic_cast<AllocWork*>(n->work.get()); a && a->params.dptr == f->at) {
          auto free_here = std::make_unique<GraphFreeWork>();
          free_here->at = f->at, work = std::move(free_here);
          break;
        }
    std::vector<Node*> after;
    for (CUgraphNode n : h->after) after.push_back(reinterpret_cast<Node*>(n));
    h->after = {handle(graph->add(std::move(work), after))};
    return CUDA_SUCCESS;
  }
};

void recount() {
  State& s = State::get();
  s.captures = (s.legacy.capture != nullptr) + (s.per_thread.capture != nullptr);
  for (const auto& [stream, h] : s.streams) s.captures += h->capture != nullptr;
}
// Streams and events that belong to a capture, when it ends.
void release(const std::shared_ptr<Capture>& c) {
  State& s = State::get();
  auto end = [&](StreamHandle& h) {
    if (h.capture == c) h.capture = nullptr, h.after.clear();
  };
  end(s.per_thread);
  for (const auto& [stream, h] : s.streams) end(*h);
  for (const auto& [event, e] : s.events)
    if (e->capture == c) e->capture = nullptr, e->after.clear(), e->captured = true;
  recount();
}

CUresult begin(CUstream stream, CUgraph to, const CUgraphNode* after, size_t n, CUstreamCaptureMode mode) {
  SIM_TRY(ready());
  SIM_GRAPHS();
  if (unsigned(mode) > CU_STREAM_CAPTURE_MODE_RELAXED)
    return fail(CUDA_ERROR_INVALID_VALUE, "unknown capture mode");
  Graph* g = nullptr;
  std::vector<Node*> nodes;
  if (to) {
    SIM_TRY(known(to, g));
    SIM_TRY(known(after, n, nodes));
  }
  std::lock_guard guard(State::get().lock);
  StreamHandle* h = stream_of(stream);
  if (!h) return fail(CUDA_ERROR_INVALID_HANDLE, "expected a stream that was created and not destroyed");
  if (h == &State::get().legacy)
    return fail(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "the default stream cannot be captured");
  if (h->capture) return fail(CUDA_ERROR_ILLEGAL_STATE, "the stream captures already");
  static uint64_t ids = 0;
  auto c = std::make_shared<StreamCapture>();
  if (!g) {
    auto fresh = std::make_unique<Graph>();
    g = fresh.get();
    Graphs::get().owned[g] = std::move(fresh);
  }
  c->mode = mode, c->graph = g, c->owned = !to, c->first = g->next, c->origin = stream, c->id = ++ids;
  h->capture = c, h->after.clear();
  for (Node* node : nodes) h->after.push_back(handle(node));
  recount();
  return CUDA_SUCCESS;
}

}  // namespace

CUresult cuStreamBeginCapture(CUstream stream, CUstreamCaptureMode mode) {
  return begin(stream, nullptr, nullptr, 0, mode);
}
CUresult cuStreamBeginCaptureToGraph(CUstream stream, CUgraph graph, const CUgraphNode* after,
                                     const CUgraphEdgeData*, size_t n, CUstreamCaptureMode mode) {
  if (!graph) return null("cuStreamBeginCaptureToGraph", "a graph");
  return begin(stream, graph, after, n, mode);
}

CUresult cuStreamEndCapture(CUstream stream, CUgraph* out) {
  SIM_TRY(ready());
  SIM_GRAPHS();
  std::lock_guard guard(State::get().lock);
  StreamHandle* h = stream_of(stream);
  if (!h) return fail(CUDA_ERROR_INVALID_HANDLE, "expected a stream that was created and not destroyed");
  auto c = std::dynamic_pointer_cast<StreamCapture>(h->capture);
  if (out) *out = nullptr;
  if (!c) return fail(CUDA_ERROR_ILLEGAL_STATE, "cuStreamEndCapture on a stream that does not capture");
  if (c->origin != stream)
    return fail(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "the capture ends in another stream than it began in");
  std::set<Node*> joined;
  std::vector<Node*> open;
  for (CUgraphNode n : h->after) open.push_back(reinterpret_cast<Node*>(n));
  while (!open.empty()) {
    Node* n = open.back();
    open.pop_back();
    if (joined.insert(n).second) open.insert(open.end(), n->after.begin(), n->after.end());
  }
  bool all = std::all_of(c->graph->nodes.begin(), c->graph->nodes.end(),
                         [&](const auto& n) { return n->id < c->first || joined.count(n.get()); });
  release(c);
  if (c->owned && (!all || c->invalidated)) Graphs::get().owned.erase(c->graph);
  if (c->invalidated)
    return fail(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "a call that is not permitted in a capture ended it");
  if (!all) {
    return fail(CUDA_ERROR_STREAM_CAPTURE_UNJOINED,
                "another stream joined the capture, and its work was not waited for before the end");
  }
  if (out) *out = handle(c->graph);
  return CUDA_SUCCESS;
}

CUresult cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus* status) {
  SIM_TRY(ready());
  std::lock_guard guard(State::get().lock);
  StreamHandle* h = stream_of(stream);
  if (!h || !status)
    return fail(CUDA_ERROR_INVALID_VALUE, "cuStreamIsCapturing expects a stream and a place for the answer");
  *status = !h->capture               ? CU_STREAM_CAPTURE_STATUS_NONE
            : h->capture->invalidated ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
                                      : CU_STREAM_CAPTURE_STATUS_ACTIVE;
  return CUDA_SUCCESS;
}
CUresult cuStreamGetCaptureInfo(CUstream stream, CUstreamCaptureStatus* status, cuuint64_t* id,
                                CUgraph* graph, const CUgraphNode** after, const CUgraphEdgeData** edges,
                                size_t* n) {
  SIM_TRY(cuStreamIsCapturing(stream, status));
  std::lock_guard guard(State::get().lock);
  StreamHandle* h = stream_of(stream);
  auto c = std::dynamic_pointer_cast<StreamCapture>(h->capture);
  if (edges) *edges = nullptr;  // plain dependencies
  if (!c) return CUDA_SUCCESS;
  if (id) *id = c->id;
  if (graph) *graph = handle(c->graph);
  if (after) *after = h->after.data();
  if (n) *n = h->after.size();
  return CUDA_SUCCESS;
}
CUresult cuStreamGetCaptureInfo_v2(CUstream stream, CUstreamCaptureStatus* status, cuuint64_t* id,
                                   CUgraph* graph, const CUgraphNode** after, size_t* n) {
  return cuStreamGetCaptureInfo(stream, status, id, graph, after, nullptr, n);
}
CUresult cuStreamUpdateCaptureDependencies(CUstream stream, CUgraphNode* after, const CUgraphEdgeData*,
                                           size_t n, unsigned flags) {
  SIM_TRY(ready());
  SIM_GRAPHS();
  std::vector<Node*> nodes;
  SIM_TRY(known(after, n, nodes));
  std::lock_guard guard(State::get().lock);
  StreamHandle* h = stream_of(stream);
  if (!h || !h->capture) return fail(CUDA_ERROR_ILLEGAL_STATE, "the stream does not capture");
  if (flags & CU_STREAM_SET_CAPTURE_DEPENDENCIES) h->after.clear();
  for (Node* node : nodes)
    if (std::find(h->after.begin(), h->after.end(), handle(node)) == h->after.end())
      h->after.push_back(handle(node));
  return CUDA_SUCCESS;
}
CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode* mode) {
  if (!mode) return null("cuThreadExchangeStreamCaptureMode", "a mode");
  std::swap(*mode, capture_mode());
  return CUDA_SUCCESS;
}
