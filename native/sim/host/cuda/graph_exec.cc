// Executable graphs: a copy of the graph at instantiation, run node by node, whose parameters may change
// later.
#include "graph.h"

using namespace sim::host;

namespace {

CUresult instantiate(CUgraphExec* out, CUgraph graph, cuuint64_t flags) {
  SIM_TRY(ready());
  SIM_GRAPHS();
  Graph* g;
  SIM_TRY(known(graph, g));
  if (!out) return null("cuGraphInstantiate");
  if (flags & CUDA_GRAPH_INSTANTIATE_FLAG_DEVICE_LAUNCH)
    return fail(CUDA_ERROR_NOT_SUPPORTED, "graphs that kernels launch are not part of the virtual GPU");
  std::vector<Node*> sequence;
  if (!g->order(sequence)) return fail(CUDA_ERROR_INVALID_VALUE, "the graph has a cycle");
  auto e = std::make_unique<Exec>();
  e->graph = g->clone(), e->source = g->id, e->flags = flags;
  *out = reinterpret_cast<CUgraphExec>(e.get());
  Graphs::get().execs[e.get()] = std::move(e);
  return CUDA_SUCCESS;
}

template <class W, class Make>
CUresult change(CUgraphExec exec, CUgraphNode node, Make make) {
  SIM_TRY(ready());
  SIM_GRAPHS();
  Node* n;
  SIM_TRY(known(exec, node, n));
  auto* old = dynamic_cast<W*>(n->work.get());
  if (!old) return fail(CUDA_ERROR_INVALID_VALUE, "the node is of another type");
  std::unique_ptr<Work> w;
  SIM_TRY(make(*old, w));
  n->work = std::move(w);
  return CUDA_SUCCESS;
}

// Takes the parameters of `from` where the two agree in everything else.
CUresult update(Graph& to, const Graph& from, CUgraphExecUpdateResultInfo& info) {
  auto refuse = [&](CUgraphExecUpdateResult why, Node* node, const std::string& sentence) {
    info.result = why, info.errorNode = node ? handle(node) : nullptr, info.errorFromNode = nullptr;
    return fail(CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE, "the executable graph cannot be updated: " + sentence);
  };
  if (to.nodes.size() != from.nodes.size())
    return refuse(
        CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED, nullptr,
        "expected " + std::to_string(to.nodes.size()) + " nodes, found " + std::to_string(from.nodes.size()));
  std::map<const Node*, size_t> left, right;  // places, in the order the nodes were added
  for (const auto& n : to.nodes) left.emplace(n.get(), left.size());
  for (const auto& n : from.nodes) right.emplace(n.get(), right.size());
  auto b = from.nodes.begin();
  for (auto a = to.nodes.begin(); a != to.nodes.end(); ++a, ++b) {
    const std::string which = "node " + std::to_string(left[a->get()]);
    if ((*a)->type() != (*b)->type())
      return refuse(CU_GRAPH_EXEC_UPDATE_ERROR_NODE_TYPE_CHANGED, b->get(), which + " is of another type");
    std::set<size_t> before, now;
    for (Node* n : (*a)->after) before.insert(left[n]);
    for (Node* n : (*b)->after) now.insert(right[n]);
    if (before != now)
      return refuse(CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED, b->get(), which + " depends on others");
  }
  b = from.nodes.begin();
  for (auto a = to.nodes.begin(); a != to.nodes.end(); ++a, ++b) {
    auto* child = dynamic_cast<ChildWork*>((*a)->work.get());
    if (child) {
      SIM_TRY(update(*child->graph, *static_cast<ChildWork&>(*(*b)->work).graph, info));
    } else if ((*b)->work) {
      (*a)->work = (*b)->work->clone();
    }
  }
  info = {CU_GRAPH_EXEC_UPDATE_SUCCESS, nullptr, nullptr};
  return CUDA_SUCCESS;
}

}  // namespace

CUresult cuGraphInstantiateWithFlags(CUgraphExec* out, CUgraph graph, unsigned long long flags) {
  return instantiate(out, graph, flags);
}
CUresult cuGraphInstantiateWithParams(CUgraphExec* out, CUgraph graph, CUDA_GRAPH_INSTANTIATE_PARAMS* p) {
  if (!p) return null("cuGraphInstantiateWithParams", "parameters");
  CUresult r = instantiate(out, graph, p->flags);
  p->result_out = r == CUDA_SUCCESS ? CUDA_GRAPH_INSTANTIATE_SUCCESS : CUDA_GRAPH_INSTANTIATE_ERROR;
  p->hErrNode_out = nullptr;
  return r;
}
CUresult cuGraphExecGetFlags(CUgraphExec exec, cuuint64_t* flags) {
  SIM_GRAPHS();
  Exec* e;
  SIM_TRY(known(exec, e));
  if (!flags) return null("cuGraphExecGetFlags");
  *flags = e->flags;
  return CUDA_SUCCESS;
}
CUresult cuGraphUpload(CUgraphExec exec, CUstream stream) {
  SIM_TRY(ready());
  SIM_GRAPHS();
  Exec* e;
  SIM_TRY(known(exec, e));
  return known_stream(stream);
}
CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream) {
  SIM_TRY(ready());
  Exec* e;
  {
    SIM_GRAPHS();
    SIM_TRY(known(exec, e));
  }
  bool captured;
  {
    std::lock_guard g(State::get().lock);
    StreamHandle* h = stream_of(stream);
    captured = h && h->capture;
  }
  SIM_TRY(known_stream(stream));
  if (!captured) return e->graph->run();
  auto w = std::make_unique<ChildWork>();  // the executable graph may be gone when the capture's runs
  w->graph = e->graph->clone();
  return submit(stream, std::move(w));
}
CUresult cuGraphExecDestroy(CUgraphExec exec) {
  SIM_GRAPHS();
  Exec* e;
  SIM_TRY(known(exec, e));
  Graphs::get().execs.erase(e);
  return CUDA_SUCCESS;
}
CUresult cuGraphExecUpdate(CUgraphExec exec, CUgraph graph, CUgraphExecUpdateResultInfo* info) {
  SIM_TRY(ready());
  SIM_GRAPHS();
  Exec* e;
  Graph* g;
  CUgraphExecUpdateResultInfo ours = {CU_GRAPH_EXEC_UPDATE_ERROR, nullptr, nullptr};
  if (info) *info = ours;
  SIM_TRY(known(exec, e));
  SIM_TRY(known(graph, g));
  CUresult r = update(*e->graph, *g, ours);
  if (info) *info = ours;
  return r;
}
CUresult cuGraphExecKernelNodeSetParams(CUgraphExec exec, CUgraphNode node,
                                        const CUDA_KERNEL_NODE_PARAMS* p) {
  if (!p) return null("cuGraphExecKernelNodeSetParams", "parameters");
  return change<KernelWork>(exec, node, [&](KernelWork& old, auto& w) { return kernel_work(*p, &old, w); });
}
CUresult cuGraphExecMemcpyNodeSetParams(CUgraphExec exec, CUgraphNode node, const CUDA_MEMCPY3D* p,
                                        CUcontext) {
  if (!p) return null("cuGraphExecMemcpyNodeSetParams", "parameters");
  return change<CopyWork>(exec, node, [&](CopyWork&, auto& w) { return copy_node(*p, w); });
}
CUresult cuGraphExecMemsetNodeSetParams(CUgraphExec exec, CUgraphNode node, const CUDA_MEMSET_NODE_PARAMS* p,
                                        CUcontext) {
  if (!p) return null("cuGraphExecMemsetNodeSetParams", "parameters");
  return change<FillWork>(exec, node, [&](FillWork&, auto& w) { return fill_node(*p, w); });
}
CUresult cuGraphExecHostNodeSetParams(CUgraphExec exec, CUgraphNode node, const CUDA_HOST_NODE_PARAMS* p) {
  if (!p) return null("cuGraphExecHostNodeSetParams", "parameters");
  return change<HostWork>(exec, node, [&](HostWork&, auto& w) { return host_node(*p, w); });
}
CUresult cuGraphExecChildGraphNodeSetParams(CUgraphExec exec, CUgraphNode node, CUgraph child) {
  return change<ChildWork>(exec, node, [&](ChildWork&, auto& w) { return child_node(child, w); });
}
CUresult cuGraphExecNodeSetParams(CUgraphExec exec, CUgraphNode node, CUgraphNodeParams* p) {
  if (!p) return null("cuGraphExecNodeSetParams", "parameters");
  return change<Work>(exec, node, [&](Work& old, auto& w) { return work_of(*p, &old, w); });
}
CUresult cuGraphNodeSetEnabled(CUgraphExec exec, CUgraphNode node, unsigned enabled) {
  SIM_GRAPHS();
  Node* n;
  SIM_TRY(known(exec, node, n));
  n->enabled = enabled != 0;
  return CUDA_SUCCESS;
}
CUresult cuGraphNodeGetEnabled(CUgraphExec exec, CUgraphNode node, unsigned* enabled) {
  SIM_GRAPHS();
  Node* n;
  SIM_TRY(known(exec, node, n));
  if (!enabled) return null("cuGraphNodeGetEnabled");
  *enabled = n->enabled;
  return CUDA_SUCCESS;
}
