// Graphs, whose handles are the driver's.
#include "common.h"

using namespace sim::cudart;

cudaError_t cudaGraphCreate(cudaGraph_t* g, unsigned flags) { RT_PASS(cuGraphCreate(g, flags)); }
cudaError_t cudaGraphDestroy(cudaGraph_t g) { RT_PASS(cuGraphDestroy(g)); }
cudaError_t cudaGraphClone(cudaGraph_t* out, cudaGraph_t g) { RT_PASS(cuGraphClone(out, g)); }
cudaError_t cudaGraphDestroyNode(cudaGraphNode_t node) { RT_PASS(cuGraphDestroyNode(node)); }
cudaError_t cudaGraphNodeFindInClone(cudaGraphNode_t* out, cudaGraphNode_t node, cudaGraph_t clone) {
  RT_PASS(cuGraphNodeFindInClone(out, node, clone));
}
cudaError_t cudaGraphNodeGetType(cudaGraphNode_t node, cudaGraphNodeType* type) {
  RT_PASS(cuGraphNodeGetType(node, reinterpret_cast<CUgraphNodeType*>(type)));
}
cudaError_t cudaGraphGetNodes(cudaGraph_t g, cudaGraphNode_t* nodes, size_t* n) {
  RT_PASS(cuGraphGetNodes(g, nodes, n));
}
cudaError_t cudaGraphGetRootNodes(cudaGraph_t g, cudaGraphNode_t* nodes, size_t* n) {
  RT_PASS(cuGraphGetRootNodes(g, nodes, n));
}
cudaError_t cudaGraphGetEdges(cudaGraph_t g, cudaGraphNode_t* from, cudaGraphNode_t* to, cudaGraphEdgeData* e,
                              size_t* n) {
  RT_PASS(cuGraphGetEdges(g, from, to, edges_of(e), n));
}
cudaError_t cudaGraphNodeGetDependencies(cudaGraphNode_t node, cudaGraphNode_t* out, cudaGraphEdgeData* e,
                                         size_t* n) {
  RT_PASS(cuGraphNodeGetDependencies(node, out, edges_of(e), n));
}
cudaError_t cudaGraphNodeGetDependentNodes(cudaGraphNode_t node, cudaGraphNode_t* out, cudaGraphEdgeData* e,
                                           size_t* n) {
  RT_PASS(cuGraphNodeGetDependentNodes(node, out, edges_of(e), n));
}
cudaError_t cudaGraphAddDependencies(cudaGraph_t g, const cudaGraphNode_t* from, const cudaGraphNode_t* to,
                                     const cudaGraphEdgeData* e, size_t n) {
  RT_PASS(cuGraphAddDependencies(g, from, to, edges_of(e), n));
}
cudaError_t cudaGraphRemoveDependencies(cudaGraph_t g, const cudaGraphNode_t* from, const cudaGraphNode_t* to,
                                        const cudaGraphEdgeData* e, size_t n) {
  RT_PASS(cuGraphRemoveDependencies(g, from, to, edges_of(e), n));
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* exec, cudaGraph_t g, unsigned long long flags) {
  RT_PASS(cuGraphInstantiateWithFlags(exec, g, flags));
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t g, unsigned long long flags) {
  return cudaGraphInstantiateWithFlags(exec, g, flags);
}
cudaError_t cudaGraphInstantiateWithParams(cudaGraphExec_t* exec, cudaGraph_t g,
                                           cudaGraphInstantiateParams* p) {
  static_assert(sizeof(cudaGraphInstantiateParams) == sizeof(CUDA_GRAPH_INSTANTIATE_PARAMS));
  RT_PASS(cuGraphInstantiateWithParams(exec, g, reinterpret_cast<CUDA_GRAPH_INSTANTIATE_PARAMS*>(p)));
}
cudaError_t cudaGraphExecGetFlags(cudaGraphExec_t exec, unsigned long long* flags) {
  cuuint64_t v = 0;
  CUresult r = cuGraphExecGetFlags(exec, &v);
  if (flags) *flags = v;
  return note(r);
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) { RT_PASS(cuGraphExecDestroy(exec)); }
cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t s) { RT_PASS(cuGraphUpload(exec, s)); }
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t s) { RT_PASS(cuGraphLaunch(exec, s)); }
cudaError_t cudaGraphExecUpdate(cudaGraphExec_t exec, cudaGraph_t g, cudaGraphExecUpdateResultInfo* info) {
  static_assert(sizeof(cudaGraphExecUpdateResultInfo) == sizeof(CUgraphExecUpdateResultInfo));
  RT_PASS(cuGraphExecUpdate(exec, g, reinterpret_cast<CUgraphExecUpdateResultInfo*>(info)));
}
cudaError_t cudaGraphNodeSetEnabled(cudaGraphExec_t exec, cudaGraphNode_t node, unsigned on) {
  RT_PASS(cuGraphNodeSetEnabled(exec, node, on));
}
cudaError_t cudaGraphNodeGetEnabled(cudaGraphExec_t exec, cudaGraphNode_t node, unsigned* on) {
  RT_PASS(cuGraphNodeGetEnabled(exec, node, on));
}
cudaError_t cudaUserObjectCreate(cudaUserObject_t* out, void* data, cudaHostFn_t destroy, unsigned count,
                                 unsigned flags) {
  RT_PASS(cuUserObjectCreate(out, data, destroy, count, flags));
}
cudaError_t cudaUserObjectRetain(cudaUserObject_t object, unsigned count) {
  RT_PASS(cuUserObjectRetain(object, count));
}
cudaError_t cudaUserObjectRelease(cudaUserObject_t object, unsigned count) {
  RT_PASS(cuUserObjectRelease(object, count));
}
cudaError_t cudaGraphRetainUserObject(cudaGraph_t g, cudaUserObject_t object, unsigned count,
                                      unsigned flags) {
  RT_PASS(cuGraphRetainUserObject(g, object, count, flags));
}
cudaError_t cudaGraphReleaseUserObject(cudaGraph_t g, cudaUserObject_t object, unsigned count) {
  RT_PASS(cuGraphReleaseUserObject(g, object, count));
}
