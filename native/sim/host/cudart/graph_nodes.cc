// Nodes of graphs: their parameters differ from the driver's in how they name kernels and memory.
#include <vector>

#include "common.h"

using namespace sim::cudart;

namespace sim::cudart {

CUresult convert(const cudaKernelNodeParams& p, CUDA_KERNEL_NODE_PARAMS& out) {
  CUfunction f = nullptr;
  if (CUresult e = function_of(p.func, f)) return e;
  out = {f,
         p.gridDim.x,
         p.gridDim.y,
         p.gridDim.z,
         p.blockDim.x,
         p.blockDim.y,
         p.blockDim.z,
         p.sharedMemBytes,
         p.kernelParams,
         p.extra,
         nullptr,
         nullptr};
  return CUDA_SUCCESS;
}

namespace {
CUDA_HOST_NODE_PARAMS host_params(const cudaHostNodeParams& p) { return {p.fn, p.userData}; }

cudaMemcpy3DParms linear(void* to, const void* from, size_t n, cudaMemcpyKind kind) {
  cudaMemcpy3DParms p = {};
  p.dstPtr = {to, n, n, 1}, p.srcPtr = {const_cast<void*>(from), n, n, 1}, p.extent = {n, 1, 1},
  p.kind = kind;
  return p;
}
CUresult symbol(const void* host, size_t offset, void*& at) {
  CUdeviceptr base = 0;
  size_t size = 0;
  if (CUresult e = variable_of(host, base, size)) return e;
  at = reinterpret_cast<void*>(base + offset);
  return CUDA_SUCCESS;
}
CUresult add_copy(cudaGraphNode_t* out, cudaGraph_t g, const cudaGraphNode_t* after, size_t n,
                  const cudaMemcpy3DParms& p) {
  CUDA_MEMCPY3D c;
  if (CUresult e = start()) return e;
  if (CUresult e = convert(p, c)) return e;
  return cuGraphAddMemcpyNode(out, g, after, n, &c, nullptr);
}
CUresult set_copy(cudaGraphNode_t node, const cudaMemcpy3DParms& p) {
  CUDA_MEMCPY3D c;
  if (CUresult e = convert(p, c)) return e;
  return cuGraphMemcpyNodeSetParams(node, &c);
}
CUresult set_copy(cudaGraphExec_t exec, cudaGraphNode_t node, const cudaMemcpy3DParms& p) {
  CUDA_MEMCPY3D c;
  if (CUresult e = convert(p, c)) return e;
  return cuGraphExecMemcpyNodeSetParams(exec, node, &c, nullptr);
}
// cudaGraphNodeParams, the form of cudaGraphAddNode
CUresult node_params(const cudaGraphNodeParams& p, CUgraphNodeParams& out) {
  out = {};
  out.type = CUgraphNodeType(p.type);  // the same numbers
  switch (p.type) {
    case cudaGraphNodeTypeKernel: {
      const auto& k = p.kernel;
      CUfunction f = nullptr;
      if (CUresult e = function_of(k.func, f)) return e;
      out.kernel.func = f, out.kernel.sharedMemBytes = k.sharedMemBytes,
      out.kernel.kernelParams = k.kernelParams, out.kernel.extra = k.extra;
      out.kernel.gridDimX = k.gridDim.x, out.kernel.gridDimY = k.gridDim.y, out.kernel.gridDimZ = k.gridDim.z;
      out.kernel.blockDimX = k.blockDim.x, out.kernel.blockDimY = k.blockDim.y,
      out.kernel.blockDimZ = k.blockDim.z;
      return CUDA_SUCCESS;
    }
    case cudaGraphNodeTypeMemcpy:
      return convert(p.memcpy.copyParams, out.memcpy.copyParams);
    case cudaGraphNodeTypeMemset:
      out.memset.dst = address(p.memset.dst), out.memset.pitch = p.memset.pitch,
      out.memset.value = p.memset.value;
      out.memset.elementSize = p.memset.elementSize, out.memset.width = p.memset.width,
      out.memset.height = p.memset.height;
      return CUDA_SUCCESS;
    case cudaGraphNodeTypeHost:
      out.host.fn = p.host.fn, out.host.userData = p.host.userData;
      return CUDA_SUCCESS;
    case cudaGraphNodeTypeGraph:
      out.graph.graph = p.graph.graph;
      return CUDA_SUCCESS;
    case cudaGraphNodeTypeWaitEvent:
      out.eventWait.event = p.eventWait.event;
      return CUDA_SUCCESS;
    case cudaGraphNodeTypeEventRecord:
      out.eventRecord.event = p.eventRecord.event;
      return CUDA_SUCCESS;
    case cudaGraphNodeTypeMemAlloc:
      out.alloc.bytesize = p.alloc.bytesize;
      return CUDA_SUCCESS;
    case cudaGraphNodeTypeMemFree:
      out.free.dptr = address(p.free.dptr);
      return CUDA_SUCCESS;
    default:
      return CUDA_SUCCESS;  // the driver says what it does not have
  }
}
}  // namespace
}  // namespace sim::cudart

#define NODE cudaGraphNode_t *out, cudaGraph_t g, const cudaGraphNode_t *after, size_t n

cudaError_t cudaGraphAddKernelNode(NODE, const cudaKernelNodeParams* p) {
  CUDA_KERNEL_NODE_PARAMS k;
  RT_TRY(p ? convert(*p, k) : CUDA_ERROR_INVALID_VALUE);
  return note(cuGraphAddKernelNode(out, g, after, n, &k));
}
cudaError_t cudaGraphAddMemcpyNode(NODE, const cudaMemcpy3DParms* p) {
  return note(p ? add_copy(out, g, after, n, *p) : CUDA_ERROR_INVALID_VALUE);
}
cudaError_t cudaGraphAddMemcpyNode1D(NODE, void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  return note(add_copy(out, g, after, n, linear(to, from, bytes, kind)));
}
cudaError_t cudaGraphAddMemcpyNodeToSymbol(NODE, const void* host, const void* from, size_t bytes,
                                           size_t offset, cudaMemcpyKind kind) {
  void* at = nullptr;
  RT_TRY(symbol(host, offset, at));
  return note(add_copy(out, g, after, n, linear(at, from, bytes, kind)));
}
cudaError_t cudaGraphAddMemcpyNodeFromSymbol(NODE, void* to, const void* host, size_t bytes, size_t offset,
                                             cudaMemcpyKind kind) {
  void* at = nullptr;
  RT_TRY(symbol(host, offset, at));
  return note(add_copy(out, g, after, n, linear(to, at, bytes, kind)));
}
cudaError_t cudaGraphAddMemsetNode(NODE, const cudaMemsetParams* p) {
  RT_TRY(p ? start() : CUDA_ERROR_INVALID_VALUE);
  CUDA_MEMSET_NODE_PARAMS m = convert(*p);
  return note(cuGraphAddMemsetNode(out, g, after, n, &m, nullptr));
}
cudaError_t cudaGraphAddHostNode(NODE, const cudaHostNodeParams* p) {
  RT_TRY(p ? start() : CUDA_ERROR_INVALID_VALUE);
  CUDA_HOST_NODE_PARAMS h = host_params(*p);
  return note(cuGraphAddHostNode(out, g, after, n, &h));
}
cudaError_t cudaGraphAddChildGraphNode(NODE, cudaGraph_t child) {
  RT_PASS(cuGraphAddChildGraphNode(out, g, after, n, child));
}
cudaError_t cudaGraphAddEmptyNode(NODE) { RT_PASS(cuGraphAddEmptyNode(out, g, after, n)); }
cudaError_t cudaGraphAddEventRecordNode(NODE, cudaEvent_t e) {
  RT_PASS(cuGraphAddEventRecordNode(out, g, after, n, e));
}
cudaError_t cudaGraphAddEventWaitNode(NODE, cudaEvent_t e) {
  RT_PASS(cuGraphAddEventWaitNode(out, g, after, n, e));
}
cudaError_t cudaGraphAddMemFreeNode(NODE, void* at) {
  RT_PASS(cuGraphAddMemFreeNode(out, g, after, n, address(at)));
}
cudaError_t cudaGraphAddMemAllocNode(NODE, cudaMemAllocNodeParams* p) {
  RT_TRY(p ? start() : CUDA_ERROR_INVALID_VALUE);
  CUDA_MEM_ALLOC_NODE_PARAMS a = {};
  a.bytesize = p->bytesize;
  RT_TRY(cuGraphAddMemAllocNode(out, g, after, n, &a));
  p->dptr = reinterpret_cast<void*>(a.dptr);
  return cudaSuccess;
}
cudaError_t cudaGraphAddNode(cudaGraphNode_t* out, cudaGraph_t g, const cudaGraphNode_t* after,
                             const cudaGraphEdgeData* e, size_t n, cudaGraphNodeParams* p) {
  CUgraphNodeParams d;
  RT_TRY(p ? start() : CUDA_ERROR_INVALID_VALUE);
  RT_TRY(node_params(*p, d));
  RT_TRY(cuGraphAddNode(out, g, after, edges_of(e), n, &d));
  if (p->type == cudaGraphNodeTypeMemAlloc) p->alloc.dptr = reinterpret_cast<void*>(d.alloc.dptr);
  return cudaSuccess;
}
cudaError_t cudaGraphNodeSetParams(cudaGraphNode_t node, cudaGraphNodeParams* p) {
  CUgraphNodeParams d;
  RT_TRY(p ? node_params(*p, d) : CUDA_ERROR_INVALID_VALUE);
  return note(cuGraphNodeSetParams(node, &d));
}
cudaError_t cudaGraphExecNodeSetParams(cudaGraphExec_t exec, cudaGraphNode_t node, cudaGraphNodeParams* p) {
  CUgraphNodeParams d;
  RT_TRY(p ? node_params(*p, d) : CUDA_ERROR_INVALID_VALUE);
  return note(cuGraphExecNodeSetParams(exec, node, &d));
}

cudaError_t cudaGraphKernelNodeGetParams(cudaGraphNode_t node, cudaKernelNodeParams* p) {
  CUDA_KERNEL_NODE_PARAMS k;
  RT_TRY(p ? cuGraphKernelNodeGetParams(node, &k) : CUDA_ERROR_INVALID_VALUE);
  p->func = reinterpret_cast<void*>(k.func);
  p->gridDim = {k.gridDimX, k.gridDimY, k.gridDimZ}, p->blockDim = {k.blockDimX, k.blockDimY, k.blockDimZ};
  p->sharedMemBytes = k.sharedMemBytes, p->kernelParams = k.kernelParams, p->extra = k.extra;
  return cudaSuccess;
}
cudaError_t cudaGraphKernelNodeSetParams(cudaGraphNode_t node, const cudaKernelNodeParams* p) {
  CUDA_KERNEL_NODE_PARAMS k;
  RT_TRY(p ? convert(*p, k) : CUDA_ERROR_INVALID_VALUE);
  return note(cuGraphKernelNodeSetParams(node, &k));
}
cudaError_t cudaGraphExecKernelNodeSetParams(cudaGraphExec_t exec, cudaGraphNode_t node,
                                             const cudaKernelNodeParams* p) {
  CUDA_KERNEL_NODE_PARAMS k;
  RT_TRY(p ? convert(*p, k) : CUDA_ERROR_INVALID_VALUE);
  return note(cuGraphExecKernelNodeSetParams(exec, node, &k));
}
cudaError_t cudaGraphKernelNodeSetAttribute(cudaGraphNode_t node, cudaLaunchAttributeID name,
                                            const cudaLaunchAttributeValue* value) {
  RT_PASS(cuGraphKernelNodeSetAttribute(node, CUlaunchAttributeID(name),
                                        reinterpret_cast<const CUlaunchAttributeValue*>(value)));
}
cudaError_t cudaGraphKernelNodeGetAttribute(cudaGraphNode_t node, cudaLaunchAttributeID name,
                                            cudaLaunchAttributeValue* value) {
  RT_PASS(cuGraphKernelNodeGetAttribute(node, CUlaunchAttributeID(name),
                                        reinterpret_cast<CUlaunchAttributeValue*>(value)));
}
cudaError_t cudaGraphKernelNodeCopyAttributes(cudaGraphNode_t to, cudaGraphNode_t from) {
  RT_PASS(cuGraphKernelNodeCopyAttributes(to, from));
}
cudaError_t cudaGraphMemcpyNodeSetParams(cudaGraphNode_t node, const cudaMemcpy3DParms* p) {
  return note(p ? set_copy(node, *p) : CUDA_ERROR_INVALID_VALUE);
}
cudaError_t cudaGraphMemcpyNodeSetParams1D(cudaGraphNode_t node, void* to, const void* from, size_t bytes,
                                           cudaMemcpyKind kind) {
  return note(set_copy(node, linear(to, from, bytes, kind)));
}
cudaError_t cudaGraphExecMemcpyNodeSetParams(cudaGraphExec_t exec, cudaGraphNode_t node,
                                             const cudaMemcpy3DParms* p) {
  return note(p ? set_copy(exec, node, *p) : CUDA_ERROR_INVALID_VALUE);
}
cudaError_t cudaGraphExecMemcpyNodeSetParams1D(cudaGraphExec_t exec, cudaGraphNode_t node, void* to,
                                               const void* from, size_t bytes, cudaMemcpyKind kind) {
  return note(set_copy(exec, node, linear(to, from, bytes, kind)));
}
cudaError_t cudaGraphMemsetNodeSetParams(cudaGraphNode_t node, const cudaMemsetParams* p) {
  if (!p) return note(cudaErrorInvalidValue);
  CUDA_MEMSET_NODE_PARAMS m = convert(*p);
  return note(cuGraphMemsetNodeSetParams(node, &m));
}
cudaError_t cudaGraphMemsetNodeGetParams(cudaGraphNode_t node, cudaMemsetParams* p) {
  CUDA_MEMSET_NODE_PARAMS m;
  RT_TRY(p ? cuGraphMemsetNodeGetParams(node, &m) : CUDA_ERROR_INVALID_VALUE);
  *p = {reinterpret_cast<void*>(m.dst), m.pitch, m.value, m.elementSize, m.width, m.height};
  return cudaSuccess;
}
cudaError_t cudaGraphExecMemsetNodeSetParams(cudaGraphExec_t exec, cudaGraphNode_t node,
                                             const cudaMemsetParams* p) {
  if (!p) return note(cudaErrorInvalidValue);
  CUDA_MEMSET_NODE_PARAMS m = convert(*p);
  return note(cuGraphExecMemsetNodeSetParams(exec, node, &m, nullptr));
}
cudaError_t cudaGraphHostNodeSetParams(cudaGraphNode_t node, const cudaHostNodeParams* p) {
  if (!p) return note(cudaErrorInvalidValue);
  CUDA_HOST_NODE_PARAMS h = host_params(*p);
  return note(cuGraphHostNodeSetParams(node, &h));
}
cudaError_t cudaGraphHostNodeGetParams(cudaGraphNode_t node, cudaHostNodeParams* p) {
  CUDA_HOST_NODE_PARAMS h;
  RT_TRY(p ? cuGraphHostNodeGetParams(node, &h) : CUDA_ERROR_INVALID_VALUE);
  p->fn = h.fn, p->userData = h.userData;
  return cudaSuccess;
}
cudaError_t cudaGraphExecHostNodeSetParams(cudaGraphExec_t exec, cudaGraphNode_t node,
                                           const cudaHostNodeParams* p) {
  if (!p) return note(cudaErrorInvalidValue);
  CUDA_HOST_NODE_PARAMS h = host_params(*p);
  return note(cuGraphExecHostNodeSetParams(exec, node, &h));
}
cudaError_t cudaGraphChildGraphNodeGetGraph(cudaGraphNode_t node, cudaGraph_t* g) {
  RT_PASS(cuGraphChildGraphNodeGetGraph(node, g));
}
cudaError_t cudaGraphExecChildGraphNodeSetParams(cudaGraphExec_t exec, cudaGraphNode_t node,
                                                 cudaGraph_t child) {
  RT_PASS(cuGraphExecChildGraphNodeSetParams(exec, node, child));
}
