// From the parameters of a node to its work.
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

CUresult alloc_node(CUDA_MEM_ALLOC_NODE_PARAMS& p, std::unique_ptr<Work>& out) {
  SIM_TRY(allocate("a memory allocation node", &p.dptr, p.bytesize));
  auto w = std::make_unique<AllocWork>();
  w->params = p;
  out = std::move(w);
  return CUDA_SUCCESS;
}

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

}  // namespace sim::host
