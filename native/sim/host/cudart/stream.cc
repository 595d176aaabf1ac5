// Streams, events and host functions.
#include "common.h"

using namespace sim::cudart;

cudaError_t cudaStreamCreate(cudaStream_t* s) { RT_PASS(cuStreamCreate(s, 0)); }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* s, unsigned flags) { RT_PASS(cuStreamCreate(s, flags)); }
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* s, unsigned flags, int priority) {
  RT_PASS(cuStreamCreateWithPriority(s, flags, priority));
}
cudaError_t cudaStreamDestroy(cudaStream_t s) { RT_PASS(cuStreamDestroy(s)); }
cudaError_t cudaStreamSynchronize(cudaStream_t s) { RT_PASS(cuStreamSynchronize(s)); }
cudaError_t cudaStreamQuery(cudaStream_t s) { RT_PASS(cuStreamQuery(s)); }
cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned flags) {
  RT_PASS(cuStreamWaitEvent(s, e, flags));
}
cudaError_t cudaStreamGetPriority(cudaStream_t s, int* priority) {
  RT_PASS(cuStreamGetPriority(s, priority));
}
cudaError_t cudaStreamGetFlags(cudaStream_t s, unsigned* flags) { RT_PASS(cuStreamGetFlags(s, flags)); }
cudaError_t cudaStreamGetId(cudaStream_t s, unsigned long long* id) { RT_PASS(cuStreamGetId(s, id)); }
cudaError_t cudaStreamGetDevice(cudaStream_t s, int* device) { RT_PASS(cuStreamGetDevice(s, device)); }
cudaError_t cudaStreamAttachMemAsync(cudaStream_t s, void* at, size_t bytes, unsigned flags) {
  RT_PASS(cuStreamAttachMemAsync(s, address(at), bytes, flags));
}
cudaError_t cudaStreamSetAttribute(cudaStream_t s, cudaLaunchAttributeID name,
                                   const cudaLaunchAttributeValue* value) {
  RT_PASS(cuStreamSetAttribute(s, CUstreamAttrID(name), reinterpret_cast<const CUstreamAttrValue*>(value)));
}
cudaError_t cudaStreamCopyAttributes(cudaStream_t to, cudaStream_t from) {
  RT_PASS(cuStreamCopyAttributes(to, from));
}
cudaError_t cudaLaunchHostFunc(cudaStream_t s, cudaHostFn_t function, void* data) {
  RT_PASS(cuLaunchHostFunc(s, function, data));
}
cudaError_t cudaStreamAddCallback(cudaStream_t s, cudaStreamCallback_t function, void* data, unsigned flags) {
  RT_PASS(cuStreamAddCallback(s, reinterpret_cast<CUstreamCallback>(function), data,
                              flags));  // error numbers are the same
}

cudaError_t cudaEventCreate(cudaEvent_t* e) { RT_PASS(cuEventCreate(e, 0)); }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* e, unsigned flags) { RT_PASS(cuEventCreate(e, flags)); }
cudaError_t cudaEventDestroy(cudaEvent_t e) { RT_PASS(cuEventDestroy(e)); }
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s) { RT_PASS(cuEventRecord(e, s)); }
cudaError_t cudaEventRecordWithFlags(cudaEvent_t e, cudaStream_t s, unsigned flags) {
  RT_PASS(cuEventRecordWithFlags(e, s, flags));
}
cudaError_t cudaEventQuery(cudaEvent_t e) { RT_PASS(cuEventQuery(e)); }
cudaError_t cudaEventSynchronize(cudaEvent_t e) { RT_PASS(cuEventSynchronize(e)); }
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t from, cudaEvent_t to) {
  RT_PASS(cuEventElapsedTime(ms, from, to));
}

cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode mode) {
  RT_PASS(cuStreamBeginCapture(s, CUstreamCaptureMode(mode)));
}
cudaError_t cudaStreamBeginCaptureToGraph(cudaStream_t s, cudaGraph_t graph, const cudaGraphNode_t* after,
                                          const cudaGraphEdgeData* edges, size_t n,
                                          cudaStreamCaptureMode mode) {
  RT_PASS(cuStreamBeginCaptureToGraph(s, graph, after, reinterpret_cast<const CUgraphEdgeData*>(edges), n,
                                      CUstreamCaptureMode(mode)));
}
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t* graph) {
  RT_PASS(cuStreamEndCapture(s, graph));
}
cudaError_t cudaStreamIsCapturing(cudaStream_t s, cudaStreamCaptureStatus* status) {
  RT_PASS(cuStreamIsCapturing(s, reinterpret_cast<CUstreamCaptureStatus*>(status)));
}
cudaError_t cudaStreamGetCaptureInfo(cudaStream_t s, cudaStreamCaptureStatus* status, unsigned long long* id,
                                     cudaGraph_t* graph, const cudaGraphNode_t** after,
                                     const cudaGraphEdgeData** edges, size_t* n) {
  cuuint64_t number = 0;
  RT_TRY(start());
  CUresult r = cuStreamGetCaptureInfo_v3(s, reinterpret_cast<CUstreamCaptureStatus*>(status), &number, graph,
                                         after, reinterpret_cast<const CUgraphEdgeData**>(edges), n);
  if (id) *id = number;
  return note(r);
}
cudaError_t cudaStreamUpdateCaptureDependencies(cudaStream_t s, cudaGraphNode_t* after,
                                                const cudaGraphEdgeData* edges, size_t n, unsigned flags) {
  RT_PASS(cuStreamUpdateCaptureDependencies_v2(s, after, reinterpret_cast<const CUgraphEdgeData*>(edges), n,
                                               flags));
}
cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  RT_PASS(cuThreadExchangeStreamCaptureMode(reinterpret_cast<CUstreamCaptureMode*>(mode)));
}
