// Graphs as objects: made, copied, asked for their nodes and edges, given away.
#include <algorithm>

#include "graph.h"

using namespace sim::host;

namespace {

// CUDA's way to answer a list: room in, count out; without room only the count.
template <class T>
CUresult answer(const std::vector<T>& all, T* out, size_t* n) {
  if (!n) return null("a graph query", "a place for the count");
  if (out) {
    for (size_t k = 0; k < *n; ++k) out[k] = k < all.size() ? all[k] : nullptr;
    *n = std::min(*n, all.size());
  } else {
    *n = all.size();
  }
  return CUDA_SUCCESS;
}
void plain(CUgraphEdgeData* edges, size_t n) {
  for (size_t k = 0; edges && k < n; ++k) edges[k] = {};
}

}  // namespace

CUresult cuGraphCreate(CUgraph* out, unsigned flags) {
  SIM_TRY(ready());
  if (!out || flags)
    return fail(CUDA_ERROR_INVALID_VALUE, "cuGraphCreate expects flags 0 and a place for the graph");
  SIM_GRAPHS();
  auto g = std::make_unique<Graph>();
  *out = handle(g.get());
  Graphs::get().owned[g.get()] = std::move(g);
  return CUDA_SUCCESS;
}
CUresult cuGraphClone(CUgraph* out, CUgraph graph) {
  SIM_GRAPHS();
  Graph* g;
  SIM_TRY(known(graph, g));
  if (!out) return null("cuGraphClone");
  auto c = g->clone();
  *out = handle(c.get());
  Graphs::get().owned[c.get()] = std::move(c);
  return CUDA_SUCCESS;
}
CUresult cuGraphDestroy(CUgraph graph) {
  SIM_GRAPHS();
  Graph* g;
  SIM_TRY(known(graph, g));
  if (!Graphs::get().owned.erase(g))
    return fail(CUDA_ERROR_INVALID_VALUE, "a child graph is destroyed with its node");
  return CUDA_SUCCESS;
}
CUresult cuGraphDestroyNode(CUgraphNode node) {
  SIM_GRAPHS();
  Node* n;
  SIM_TRY(known(node, n));
  for (const auto& other : n->graph->nodes) std::erase(other->after, n);
  Graphs::get().nodes.erase(n);
  n->graph->nodes.remove_if([&](const auto& other) { return other.get() == n; });
  return CUDA_SUCCESS;
}
CUresult cuGraphNodeFindInClone(CUgraphNode* out, CUgraphNode node, CUgraph clone) {
  SIM_GRAPHS();
  Node* n;
  Graph* g;
  SIM_TRY(known(node, n));
  SIM_TRY(known(clone, g));
  Node* found = g->cloned == n->graph->id ? g->find(n->id) : nullptr;
  if (!out || !found) return fail(CUDA_ERROR_INVALID_VALUE, "the graph is no clone of the node's graph");
  *out = handle(found);
  return CUDA_SUCCESS;
}
CUresult cuGraphNodeGetType(CUgraphNode node, CUgraphNodeType* type) {
  SIM_GRAPHS();
  Node* n;
  SIM_TRY(known(node, n));
  if (!type) return null("cuGraphNodeGetType");
  *type = n->type();
  return CUDA_SUCCESS;
}
CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode* out, size_t* count) {
  SIM_GRAPHS();
  Graph* g;
  SIM_TRY(known(graph, g));
  std::vector<CUgraphNode> all;
  for (const auto& n : g->nodes) all.push_back(handle(n.get()));
  return answer(all, out, count);
}
CUresult cuGraphGetRootNodes(CUgraph graph, CUgraphNode* out, size_t* count) {
  SIM_GRAPHS();
  Graph* g;
  SIM_TRY(known(graph, g));
  std::vector<CUgraphNode> all;
  for (const auto& n : g->nodes)
    if (n->after.empty()) all.push_back(handle(n.get()));
  return answer(all, out, count);
}
CUresult cuGraphGetEdges(CUgraph graph, CUgraphNode* from, CUgraphNode* to, CUgraphEdgeData* edges,
                         size_t* count) {
  SIM_GRAPHS();
  Graph* g;
  SIM_TRY(known(graph, g));
  std::vector<CUgraphNode> sources, targets;
  for (const auto& n : g->nodes)
    for (Node* a : n->after) sources.push_back(handle(a)), targets.push_back(handle(n.get()));
  if (!count) return null("cuGraphGetEdges", "a place for the count");
  size_t room = *count;
  SIM_TRY(answer(sources, from, count));
  plain(edges, *count);
  return answer(targets, to, from ? &room : count);
}
CUresult cuGraphNodeGetDependencies(CUgraphNode node, CUgraphNode* out, CUgraphEdgeData* edges,
                                    size_t* count) {
  SIM_GRAPHS();
  Node* n;
  SIM_TRY(known(node, n));
  std::vector<CUgraphNode> all;
  for (Node* a : n->after) all.push_back(handle(a));
  SIM_TRY(answer(all, out, count));
  plain(edges, *count);
  return CUDA_SUCCESS;
}
CUresult cuGraphNodeGetDependentNodes(CUgraphNode node, CUgraphNode* out, CUgraphEdgeData* edges,
                                      size_t* count) {
  SIM_GRAPHS();
  Node* n;
  SIM_TRY(known(node, n));
  std::vector<CUgraphNode> all;
  for (const auto& other : n->graph->nodes)
    if (std::find(other->after.begin(), other->after.end(), n) != other->after.end())
      all.push_back(handle(other.get()));
  SIM_TRY(answer(all, out, count));
  plain(edges, *count);
  return CUDA_SUCCESS;
}
CUresult cuGraphAddDependencies(CUgraph graph, const CUgraphNode* from, const CUgraphNode* to,
                                const CUgraphEdgeData*, size_t n) {
  SIM_GRAPHS();
  Graph* g;
  std::vector<Node*> sources, targets;
  SIM_TRY(known(graph, g));
  SIM_TRY(known(from, n, sources));
  SIM_TRY(known(to, n, targets));
  for (size_t k = 0; k < n; ++k) {
    auto& after = targets[k]->after;
    if (sources[k]->graph != g || targets[k]->graph != g || sources[k] == targets[k] ||
        std::find(after.begin(), after.end(), sources[k]) != after.end())
      return fail(CUDA_ERROR_INVALID_VALUE,
                  "expected edges between two nodes of the graph that are not there yet");
    after.push_back(sources[k]);
  }
  return CUDA_SUCCESS;
}
CUresult cuGraphRemoveDependencies(CUgraph graph, const CUgraphNode* from, const CUgraphNode* to,
                                   const CUgraphEdgeData*, size_t n) {
  SIM_GRAPHS();
  Graph* g;
  std::vector<Node*> sources, targets;
  SIM_TRY(known(graph, g));
  SIM_TRY(known(from, n, sources));
  SIM_TRY(known(to, n, targets));
  for (size_t k = 0; k < n; ++k)
    if (!std::erase(targets[k]->after, sources[k]))
      return fail(CUDA_ERROR_INVALID_VALUE, "expected edges of the graph");
  return CUDA_SUCCESS;
}

CUresult cuUserObjectCreate(CUuserObject* out, void* data, CUhostFn destroy, unsigned count, unsigned) {
  if (!out || !destroy || !count)
    return null("cuUserObjectCreate", "a function, a count above 0 and a place for the object");
  SIM_GRAPHS();
  auto* o = new UserObject{data, destroy, count};
  Graphs::get().objects.insert(o);
  *out = reinterpret_cast<CUuserObject>(o);
  return CUDA_SUCCESS;
}
CUresult cuUserObjectRetain(CUuserObject object, unsigned count) {
  SIM_GRAPHS();
  auto* o = reinterpret_cast<UserObject*>(object);
  if (!Graphs::get().objects.count(o)) return fail(CUDA_ERROR_INVALID_VALUE, "expected a user object");
  o->count += count;
  return CUDA_SUCCESS;
}
CUresult cuUserObjectRelease(CUuserObject object, unsigned count) {
  SIM_GRAPHS();
  auto* o = reinterpret_cast<UserObject*>(object);
  if (!Graphs::get().objects.count(o) || count > o->count)
    return fail(CUDA_ERROR_INVALID_VALUE, "expected a user object that is held");
  if ((o->count -= count) == 0) o->destroy(o->data);
  return CUDA_SUCCESS;
}
CUresult cuGraphRetainUserObject(CUgraph graph, CUuserObject object, unsigned count, unsigned flags) {
  SIM_GRAPHS();
  Graph* g;
  SIM_TRY(known(graph, g));
  auto* o = reinterpret_cast<UserObject*>(object);
  if (!Graphs::get().objects.count(o)) return fail(CUDA_ERROR_INVALID_VALUE, "expected a user object");
  g->kept[o] += count;
  if (!(flags & CU_GRAPH_USER_OBJECT_MOVE)) o->count += count;
  return CUDA_SUCCESS;
}
CUresult cuGraphReleaseUserObject(CUgraph graph, CUuserObject object, unsigned count) {
  SIM_GRAPHS();
  Graph* g;
  SIM_TRY(known(graph, g));
  auto it = g->kept.find(reinterpret_cast<UserObject*>(object));
  if (it == g->kept.end() || it->second < count)
    return fail(CUDA_ERROR_INVALID_VALUE, "expected a user object that the graph holds");
  if ((it->second -= count) == 0) g->kept.erase(it);
  return cuUserObjectRelease(object, count);
}
