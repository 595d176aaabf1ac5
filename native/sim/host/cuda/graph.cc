#include "graph.h"

#include <algorithm>

namespace sim::host {

Graphs& Graphs::get() {
  static Graphs* g = new Graphs;
  return *g;
}

Graph::Graph() {
  static uint64_t ids = 0;
  SIM_GRAPHS();
  id = ++ids;
  Graphs::get().all.insert(this);
}
Graph::~Graph() {
  SIM_GRAPHS();
  for (const auto& n : nodes) Graphs::get().nodes.erase(n.get());
  Graphs::get().all.erase(this);
  for (auto& [object, count] : kept)
    if ((object->count -= count) == 0) object->destroy(object->data);
}

Node* Graph::add(std::unique_ptr<Work> work, const std::vector<Node*>& after) {
  auto n = std::make_unique<Node>();
  n->graph = this, n->id = next++, n->work = std::move(work), n->after = after;
  Graphs::get().nodes.insert(n.get());
  nodes.push_back(std::move(n));
  return nodes.back().get();
}

std::unique_ptr<Graph> Graph::clone() const {
  auto g = std::make_unique<Graph>();
  g->cloned = id, g->next = next, g->kept = kept;
  for (auto& [object, count] : kept) object->count += count;
  std::map<const Node*, Node*> copies;
  for (const auto& n : nodes) {
    Node* c = g->add(n->work ? n->work->clone() : nullptr, {});
    c->id = n->id, c->enabled = n->enabled;
    copies[n.get()] = c;
  }
  g->next = next;
  for (const auto& n : nodes)
    for (Node* a : n->after) copies[n.get()]->after.push_back(copies[a]);
  return g;
}

Node* Graph::find(uint64_t wanted) const {
  for (const auto& n : nodes)
    if (n->id == wanted) return n.get();
  return nullptr;
}

bool Graph::order(std::vector<Node*>& out) const {
  std::set<const Node*> done;
  out.clear();
  while (out.size() < nodes.size()) {
    size_t before = out.size();
    for (const auto& n : nodes)
      if (!done.count(n.get()) &&
          std::all_of(n->after.begin(), n->after.end(), [&](Node* a) { return done.count(a); }))
        out.push_back(n.get()), done.insert(n.get());
    if (out.size() == before) return false;
  }
  return true;
}

CUresult Graph::run() const {
  std::vector<Node*> sequence;
  order(sequence);
  for (Node* n : sequence)
    if (n->work && n->enabled) {
      SIM_TRY(n->work->run());
      SIM_TRY(State::get().sticky);
    }
  return CUDA_SUCCESS;
}

CUresult EventWork::run() {
  EventHandle* e;
  SIM_TRY(known_event(event, e));
  e->recorded = true, e->at = std::chrono::steady_clock::now();
  return CUDA_SUCCESS;
}

CUresult known(CUgraph h, Graph*& out) {
  out = reinterpret_cast<Graph*>(h);
  if (Graphs::get().all.count(out)) return CUDA_SUCCESS;
  return fail(CUDA_ERROR_INVALID_VALUE, "expected a graph that was created and not destroyed");
}
CUresult known(CUgraphNode h, Node*& out) {
  out = reinterpret_cast<Node*>(h);
  if (Graphs::get().nodes.count(out)) return CUDA_SUCCESS;
  return fail(CUDA_ERROR_INVALID_VALUE, "expected a node of a graph that lives");
}
CUresult known(CUgraphExec h, Exec*& out) {
  out = reinterpret_cast<Exec*>(h);
  if (Graphs::get().execs.count(out)) return CUDA_SUCCESS;
  return fail(CUDA_ERROR_INVALID_VALUE,
              "expected an executable graph that was instantiated and not destroyed");
}
CUresult known(const CUgraphNode* h, size_t n, std::vector<Node*>& out) {
  if (n && !h) return null("a graph call", "the nodes it depends on");
  for (size_t k = 0; k < n; ++k) {
    Node* node;
    SIM_TRY(known(h[k], node));
    out.push_back(node);
  }
  return CUDA_SUCCESS;
}
CUresult known(CUgraphExec exec, CUgraphNode node, Node*& out) {
  Exec* e;
  Node* original;
  SIM_TRY(known(exec, e));
  SIM_TRY(known(node, original));
  bool same = original->graph->id == e->source;
  out = same ? e->graph->find(original->id) : nullptr;
  return out ? CUDA_SUCCESS
             : fail(CUDA_ERROR_INVALID_VALUE,
                    "expected a node of the graph that the executable graph was made from");
}

CUresult add_node(CUgraphNode* out, CUgraph graph, const CUgraphNode* after, size_t n,
                  std::unique_ptr<Work> work) {
  Graph* g;
  SIM_TRY(known(graph, g));
  if (!out) return null("cuGraphAdd...Node", "a place for the node");
  std::vector<Node*> nodes;
  SIM_TRY(known(after, n, nodes));
  for (Node* a : nodes)
    if (a->graph != g) return fail(CUDA_ERROR_INVALID_VALUE, "a node depends on one of another graph");
  *out = handle(g->add(std::move(work), nodes));
  return CUDA_SUCCESS;
}

}  // namespace sim::host
