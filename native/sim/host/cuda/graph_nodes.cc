// Nodes: from parameters to work, and back.
#include "copy.h"
#include "graph.h"

using namespace sim::host;

namespace sim::host {

CUresult kernel_work(const CUDA_KERNEL_NODE_PARAMS& p, const KernelWork* old, std::unique_ptr<Work>& out) {
  FunctionHandle* f = known_function(p.func ? p.func : reinterpret_cast<CUfunction>(p.kern));
  if (!f) return unknown_function();
  auto w = std::make_unique<KernelWork>();
  auto* attributes = old ? const_cast<CUlaunchAttribute*>(old->attributes.data()) : nullptr;
  CUlaunchConfig c = {
      p.gridDimX,  p.gridDimY,       p.gridDimZ, p.blockDimX, p.blockDimY,
      p.blockDimZ, p.sharedMemBytes, nullptr,    attributes,  old ? unsigned(old->attributes.size()) : 0};
  SIM_TRY(configure(*f, c, *w));
  SIM_TRY(gather(*f, p.kernelParams, p.extra, w->params));
  out = std::move(w);
  return CUDA_SUCCESS;
}
CUresult copy_node(const CUDA_MEMCPY3D& p, std::unique_ptr<Work>& out) {
  auto w = std::make_unique<CopyWork>();
  SIM_TRY(copy_work("a memcpy node", p, *w));
  out = std::move(w);
  return CUDA_SUCCESS;
}
CUresult fill_node(const CUDA_MEMSET_NODE_PARAMS& p, std::unique_ptr<Work>& out) {
  auto w = std::make_unique<FillWork>();
  SIM_TRY(fill_work("a memset node", p, *w));
  out = std::move(w);
  return CUDA_SUCCESS;
}
CUresult host_node(const CUDA_HOST_NODE_PARAMS& p, std::unique_ptr<Work>& out) {
  if (!p.fn) return null("a host node", "a function");
  auto w = std::make_unique<HostWork>();
  w->function = p.fn, w->data = p.userData;
  out = std::move(w);
  return CUDA_SUCCESS;
}
CUresult child_node(CUgraph graph, std::unique_ptr<Work>& out) {
  Graph* g;
  SIM_TRY(known(graph, g));
  auto w = std::make_unique<ChildWork>();
  w->graph = g->clone();
  out = std::move(w);
  return CUDA_SUCCESS;
}

namespace {
CUresult alloc_node(CUDA_MEM_ALLOC_NODE_PARAMS& p, std::unique_ptr<Work>& out) {
  SIM_TRY(driver::cuMemAlloc(&p.dptr, p.bytesize));
  auto w = std::make_unique<AllocWork>();
  w->params = p;
  out = std::move(w);
  return CUDA_SUCCESS;
}
}  // namespace

CUresult work_of(CUgraphNodeParams& p, const Work* old, std::unique_ptr<Work>& out) {
  switch (p.type) {
    case CU_GRAPH_NODE_TYPE_KERNEL: {
      const auto& k = p.kernel;
      CUDA_KERNEL_NODE_PARAMS v2 = {k.func,         k.gridDimX,  k.gridDimY,  k.gridDimZ,
                                    k.blockDimX,    k.blockDimY, k.blockDimZ, k.sharedMemBytes,
                                    k.kernelParams, k.extra,     k.kern,      k.ctx};
      return kernel_work(v2, dynamic_cast<const KernelWork*>(old), out);
    }
    case CU_GRAPH_NODE_TYPE_MEMCPY:
      return copy_node(p.memcpy.copyParams, out);
    case CU_GRAPH_NODE_TYPE_MEMSET:
      return fill_node({p.memset.dst, p.memset.pitch, p.memset.value, p.memset.elementSize, p.memset.width,
                        p.memset.height},
                       out);
    case CU_GRAPH_NODE_TYPE_HOST:
      return host_node({p.host.fn, p.host.userData}, out);
    case CU_GRAPH_NODE_TYPE_GRAPH:
      return child_node(p.graph.graph, out);
    case CU_GRAPH_NODE_TYPE_EMPTY:
      return CUDA_SUCCESS;
    case CU_GRAPH_NODE_TYPE_EVENT_RECORD: {
      auto w = std::make_unique<EventWork>();
      w->event = p.eventRecord.event, out = std::move(w);
      return CUDA_SUCCESS;
    }
    case CU_GRAPH_NODE_TYPE_WAIT_EVENT: {
      auto w = std::make_unique<EventWaitWork>();
      w->event = p.eventWait.event, out = std::move(w);
      return CUDA_SUCCESS;
    }
    case CU_GRAPH_NODE_TYPE_MEM_ALLOC: {
      CUDA_MEM_ALLOC_NODE_PARAMS v1 = {p.alloc.poolProps, p.alloc.accessDescs, p.alloc.accessDescCount,
                                       p.alloc.bytesize, 0};
      SIM_TRY(alloc_node(v1, out));
      p.alloc.dptr = v1.dptr;
      return CUDA_SUCCESS;
    }
    case CU_GRAPH_NODE_TYPE_MEM_FREE: {
      auto w = std::make_unique<GraphFreeWork>();
      w->at = p.free.dptr, out = std::move(w);
      return CUDA_SUCCESS;
    }
    default:
      return fail(CUDA_ERROR_NOT_SUPPORTED,
                  "graph nodes of type " + std::to_string(int(p.type)) + " are not part of the virtual GPU");
  }
}

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
