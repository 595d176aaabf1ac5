// Nodes: added, changed, asked for their parameters.
#include "graph.h"

using namespace sim::host;

namespace sim::host {

namespace {

template <class Make>
CUresult add(CUgraphNode* out, CUgraph graph, const CUgraphNode* after, size_t n, Make make) {
  SIM_TRY(ready());
  SIM_GRAPHS();
  std::unique_ptr<Work> w;
  SIM_TRY(make(w));
  return add_node(out, graph, after, n, std::move(w));
}
template <class W>
CUresult work(CUgraphNode h, W*& out) {
  Node* n;
  SIM_TRY(known(h, n));
  out = dynamic_cast<W*>(n->work.get());
  return out ? CUDA_SUCCESS : fail(CUDA_ERROR_INVALID_VALUE, "the node is of another type");
}
template <class W, class Make>
CUresult change(CUgraphNode h, Make make) {
  SIM_TRY(ready());
  SIM_GRAPHS();
  W* old;
  SIM_TRY(work(h, old));
  std::unique_ptr<Work> w;
  SIM_TRY(make(*old, w));
  reinterpret_cast<Node*>(h)->work = std::move(w);
  return CUDA_SUCCESS;
}

}  // namespace
}  // namespace sim::host

CUresult cuGraphAddKernelNode(CUgraphNode* out, CUgraph g, const CUgraphNode* after, size_t n,
                              const CUDA_KERNEL_NODE_PARAMS* p) {
  if (!p) return null("cuGraphAddKernelNode", "parameters");
  return add(out, g, after, n, [&](auto& w) { return kernel_work(*p, nullptr, w); });
}
CUresult cuGraphAddMemcpyNode(CUgraphNode* out, CUgraph g, const CUgraphNode* after, size_t n,
                              const CUDA_MEMCPY3D* p, CUcontext) {
  if (!p) return null("cuGraphAddMemcpyNode", "parameters");
  return add(out, g, after, n, [&](auto& w) { return copy_node(*p, w); });
}
CUresult cuGraphAddMemsetNode(CUgraphNode* out, CUgraph g, const CUgraphNode* after, size_t n,
                              const CUDA_MEMSET_NODE_PARAMS* p, CUcontext) {
  if (!p) return null("cuGraphAddMemsetNode", "parameters");
  return add(out, g, after, n, [&](auto& w) { return fill_node(*p, w); });
}
CUresult cuGraphAddHostNode(CUgraphNode* out, CUgraph g, const CUgraphNode* after, size_t n,
                            const CUDA_HOST_NODE_PARAMS* p) {
  if (!p) return null("cuGraphAddHostNode", "parameters");
  return add(out, g, after, n, [&](auto& w) { return host_node(*p, w); });
}
CUresult cuGraphAddChildGraphNode(CUgraphNode* out, CUgraph g, const CUgraphNode* after, size_t n,
                                  CUgraph child) {
  return add(out, g, after, n, [&](auto& w) { return child_node(child, w); });
}
CUresult cuGraphAddEmptyNode(CUgraphNode* out, CUgraph g, const CUgraphNode* after, size_t n) {
  return add(out, g, after, n, [](auto&) { return CUDA_SUCCESS; });
}
CUresult cuGraphAddEventRecordNode(CUgraphNode* out, CUgraph g, const CUgraphNode* after, size_t n,
                                   CUevent event) {
  CUgraphNodeParams p = {};
  p.type = CU_GRAPH_NODE_TYPE_EVENT_RECORD, p.eventRecord.event = event;
  return add(out, g, after, n, [&](auto& w) { return work_of(p, nullptr, w); });
}
CUresult cuGraphAddEventWaitNode(CUgraphNode* out, CUgraph g, const CUgraphNode* after, size_t n,
                                 CUevent event) {
  CUgraphNodeParams p = {};
  p.type = CU_GRAPH_NODE_TYPE_WAIT_EVENT, p.eventWait.event = event;
  return add(out, g, after, n, [&](auto& w) { return work_of(p, nullptr, w); });
}
CUresult cuGraphAddMemAllocNode(CUgraphNode* out, CUgraph g, const CUgraphNode* after, size_t n,
                                CUDA_MEM_ALLOC_NODE_PARAMS* p) {
  if (!p) return null("cuGraphAddMemAllocNode", "parameters");
  return add(out, g, after, n, [&](auto& w) { return alloc_node(*p, w); });
}
CUresult cuGraphAddMemFreeNode(CUgraphNode* out, CUgraph g, const CUgraphNode* after, size_t n,
                               CUdeviceptr at) {
  CUgraphNodeParams p = {};
  p.type = CU_GRAPH_NODE_TYPE_MEM_FREE, p.free.dptr = at;
  return add(out, g, after, n, [&](auto& w) { return work_of(p, nullptr, w); });
}
CUresult cuGraphAddNode(CUgraphNode* out, CUgraph g, const CUgraphNode* after, const CUgraphEdgeData*,
                        size_t n, CUgraphNodeParams* p) {
  if (!p) return null("cuGraphAddNode", "parameters");
  return add(out, g, after, n, [&](auto& w) { return work_of(*p, nullptr, w); });
}
CUresult cuGraphNodeSetParams(CUgraphNode h, CUgraphNodeParams* p) {
  if (!p) return null("cuGraphNodeSetParams", "parameters");
  return change<Work>(h, [&](Work& old, auto& w) { return work_of(*p, &old, w); });
}

CUresult cuGraphKernelNodeGetParams(CUgraphNode h, CUDA_KERNEL_NODE_PARAMS* p) {
  SIM_GRAPHS();
  KernelWork* w;
  SIM_TRY(work(h, w));
  if (!p) return null("cuGraphKernelNodeGetParams");
  Node& n = *reinterpret_cast<Node*>(h);
  n.pointers.clear();
  for (uint32_t at : w->function->owner->module->program(*w->function->entry).param_offsets)
    n.pointers.push_back(w->params.data() + at);
  const auto &g = w->config.grid, &b = w->config.block;
  *p = {reinterpret_cast<CUfunction>(w->function),
        g.x,
        g.y,
        g.z,
        b.x,
        b.y,
        b.z,
        w->config.dynamic_shared,
        n.pointers.data(),
        nullptr,
        nullptr,
        the_context()};
  return CUDA_SUCCESS;
}
CUresult cuGraphKernelNodeSetParams(CUgraphNode h, const CUDA_KERNEL_NODE_PARAMS* p) {
  if (!p) return null("cuGraphKernelNodeSetParams", "parameters");
  return change<KernelWork>(h, [&](KernelWork& old, auto& w) { return kernel_work(*p, &old, w); });
}
CUresult cuGraphKernelNodeSetAttribute(CUgraphNode h, CUkernelNodeAttrID name,
                                       const CUkernelNodeAttrValue* value) {
  SIM_GRAPHS();
  KernelWork* w;
  SIM_TRY(work(h, w));
  if (!value) return null("cuGraphKernelNodeSetAttribute", "a value");
  std::vector<CUlaunchAttribute> attributes = w->attributes;
  std::erase_if(attributes, [&](const auto& a) { return a.id == name; });
  CUlaunchAttribute a = {};
  a.id = name, a.value = *value;
  attributes.push_back(a);
  const auto &g = w->config.grid, &b = w->config.block;
  CUlaunchConfig c = {g.x,
                      g.y,
                      g.z,
                      b.x,
                      b.y,
                      b.z,
                      w->config.dynamic_shared,
                      nullptr,
                      attributes.data(),
                      unsigned(attributes.size())};
  KernelWork changed;
  SIM_TRY(configure(*w->function, c, changed));
  w->config = changed.config, w->attributes = changed.attributes;
  return CUDA_SUCCESS;
}
CUresult cuGraphKernelNodeGetAttribute(CUgraphNode h, CUkernelNodeAttrID name, CUkernelNodeAttrValue* value) {
  SIM_GRAPHS();
  KernelWork* w;
  SIM_TRY(work(h, w));
  if (!value) return null("cuGraphKernelNodeGetAttribute");
  *value = {};
  for (const auto& a : w->attributes)
    if (a.id == name) *value = a.value;
  return CUDA_SUCCESS;
}
CUresult cuGraphKernelNodeCopyAttributes(CUgraphNode to, CUgraphNode from) {
  SIM_GRAPHS();
  KernelWork* w;
  SIM_TRY(work(from, w));
  for (const auto& a : w->attributes) SIM_TRY(cuGraphKernelNodeSetAttribute(to, a.id, &a.value));
  return CUDA_SUCCESS;
}
CUresult cuGraphMemcpyNodeSetParams(CUgraphNode h, const CUDA_MEMCPY3D* p) {
  if (!p) return null("cuGraphMemcpyNodeSetParams", "parameters");
  return change<CopyWork>(h, [&](CopyWork&, auto& w) { return copy_node(*p, w); });
}
CUresult cuGraphMemcpyNodeGetParams(CUgraphNode h, CUDA_MEMCPY3D* p) {
  SIM_GRAPHS();
  CopyWork* w;
  SIM_TRY(work(h, w));
  if (!p) return null("cuGraphMemcpyNodeGetParams");
  *p = {};
  p->srcMemoryType = p->dstMemoryType = CU_MEMORYTYPE_UNIFIED;
  p->srcDevice = w->from.at, p->dstDevice = w->to.at, p->srcPitch = w->from.pitch, p->dstPitch = w->to.pitch;
  p->srcHeight = w->from.pitch ? w->from.slice / w->from.pitch : 0,
  p->dstHeight = w->to.pitch ? w->to.slice / w->to.pitch : 0;
  p->WidthInBytes = w->width, p->Height = w->height, p->Depth = w->depth;
  return CUDA_SUCCESS;
}
CUresult cuGraphMemsetNodeSetParams(CUgraphNode h, const CUDA_MEMSET_NODE_PARAMS* p) {
  if (!p) return null("cuGraphMemsetNodeSetParams", "parameters");
  return change<FillWork>(h, [&](FillWork&, auto& w) { return fill_node(*p, w); });
}
CUresult cuGraphMemsetNodeGetParams(CUgraphNode h, CUDA_MEMSET_NODE_PARAMS* p) {
  SIM_GRAPHS();
  FillWork* w;
  SIM_TRY(work(h, w));
  if (!p) return null("cuGraphMemsetNodeGetParams");
  *p = {w->at, w->pitch, w->value, w->element, w->width, w->height};
  return CUDA_SUCCESS;
}
CUresult cuGraphHostNodeSetParams(CUgraphNode h, const CUDA_HOST_NODE_PARAMS* p) {
  if (!p) return null("cuGraphHostNodeSetParams", "parameters");
  return change<HostWork>(h, [&](HostWork&, auto& w) { return host_node(*p, w); });
}
CUresult cuGraphHostNodeGetParams(CUgraphNode h, CUDA_HOST_NODE_PARAMS* p) {
  SIM_GRAPHS();
  HostWork* w;
  SIM_TRY(work(h, w));
  if (!p) return null("cuGraphHostNodeGetParams");
  *p = {w->function, w->data};
  return CUDA_SUCCESS;
}
CUresult cuGraphChildGraphNodeGetGraph(CUgraphNode h, CUgraph* graph) {
  SIM_GRAPHS();
  ChildWork* w;
  SIM_TRY(work(h, w));
  if (!graph) return null("cuGraphChildGraphNodeGetGraph");
  *graph = handle(w->graph.get());
  return CUDA_SUCCESS;
}
