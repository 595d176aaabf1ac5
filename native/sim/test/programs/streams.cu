// What programs do through the CUDA runtime over time: streams, events, and graphs, captured and built node by node. Built and
// run as runtime.cu is.
#include "check.h"

__global__ void saxpy(float a, const float* x, float* y, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] += a * x[i];
}
__global__ void set(int* p, int v) { p[threadIdx.x] = v + int(threadIdx.x); }

void streams_and_events() {
  int n = 512, calls = 0;
  cudaStream_t s[2];
  cudaEvent_t from, to;
  int least, greatest, priority;
  OK(cudaDeviceGetStreamPriorityRange(&least, &greatest));
  OK(cudaStreamCreateWithFlags(&s[0], cudaStreamNonBlocking));
  OK(cudaStreamCreateWithPriority(&s[1], cudaStreamDefault, greatest));
  OK(cudaStreamGetPriority(s[1], &priority));
  CHECK(priority == greatest && greatest < least);
  OK(cudaEventCreate(&from)), OK(cudaEventCreate(&to));
  float *x, *y, *pinned;
  OK(cudaMallocHost(&pinned, n * 4));
  for (int i = 0; i < n; ++i) pinned[i] = float(i);
  OK(cudaMallocAsync(&x, n * 4, s[0])), OK(cudaMallocAsync(&y, n * 4, s[0]));
  OK(cudaMemcpyAsync(x, pinned, n * 4, cudaMemcpyDefault, s[0]));
  OK(cudaMemsetAsync(y, 0, n * 4, s[0]));
  OK(cudaEventRecord(from, s[0]));
  OK(cudaStreamWaitEvent(s[1], from, 0));
  for (int k = 0; k < 3; ++k) saxpy<<<4, 128, 0, s[1]>>>(2.0f, x, y, n);
  OK(cudaLaunchHostFunc(s[1], [](void* p) { ++*static_cast<int*>(p); }, &calls));
  OK(cudaStreamAddCallback(
      s[1],
      [](cudaStream_t, cudaError_t e, void* p) { *static_cast<int*>(p) += e == cudaSuccess ? 10 : 100; },
      &calls, 0));
  OK(cudaMemcpyAsync(pinned, y, n * 4, cudaMemcpyDeviceToHost, s[1]));
  OK(cudaEventRecord(to, s[1]));
  OK(cudaEventSynchronize(to));
  OK(cudaEventQuery(to)), OK(cudaStreamQuery(s[1]));
  float ms = -1;
  OK(cudaEventElapsedTime(&ms, from, to));
  CHECK(ms >= 0 && calls == 11);
  for (int i = 0; i < n; ++i) CHECK(pinned[i] == 6.0f * float(i));
  OK(cudaFreeAsync(x, s[0])), OK(cudaFreeAsync(y, s[0]));
  OK(cudaFreeHost(pinned));
  for (cudaStream_t q : s) OK(cudaStreamSynchronize(q)), OK(cudaStreamDestroy(q));
  FAILS(cudaStreamSynchronize(s[0]), cudaErrorInvalidResourceHandle);
}

void graph_capture() {
  int n = 256;
  cudaStream_t s, side;
  cudaEvent_t fork, join;
  OK(cudaStreamCreate(&s)), OK(cudaStreamCreate(&side));
  OK(cudaEventCreate(&fork)), OK(cudaEventCreate(&join));
  float *x = device(std::vector<float>(n, 1)), *y = device(std::vector<float>(n, 10)),
        *z = device(std::vector<float>(n, 100)), *t;
  auto capture = [&](float a, float* target) {
    cudaGraph_t g;
    OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
    cudaStreamCaptureStatus status;
    OK(cudaStreamIsCapturing(s, &status));
    CHECK(status == cudaStreamCaptureStatusActive);
    OK(cudaMallocAsync(&t, n * 4, s));
    OK(cudaMemsetAsync(t, 0, n * 4, s));
    OK(cudaEventRecord(fork, s));
    OK(cudaStreamWaitEvent(side, fork, 0));
    saxpy<<<2, 128, 0, side>>>(1.0f, x, z, n);
    OK(cudaEventRecord(join, side));
    saxpy<<<2, 128, 0, s>>>(a, x, t, n);
    OK(cudaStreamWaitEvent(s, join, 0));
    saxpy<<<2, 128, 0, s>>>(1.0f, t, target, n);
    OK(cudaFreeAsync(t, s));
    OK(cudaStreamEndCapture(s, &g));
    return g;
  };
  cudaGraph_t g = capture(2, y);
  CHECK(host(y, n)[5] == 10);  // captured, not run
  size_t nodes = 0, edges = 0;
  OK(cudaGraphGetNodes(g, nullptr, &nodes));
  OK(cudaGraphGetEdges(g, nullptr, nullptr, nullptr, &edges));
  CHECK(nodes == 6 && edges == 6);
  cudaGraphExec_t exec;
  OK(cudaGraphInstantiate(&exec, g, 0));
  OK(cudaGraphUpload(exec, s));
  for (int k = 0; k < 3; ++k) OK(cudaGraphLaunch(exec, s));
  OK(cudaStreamSynchronize(s));
  CHECK(host(y, n)[5] == 16 && host(z, n)[7] == 103);
  // another capture of the same form replaces the parameters
  cudaGraph_t h = capture(5, y);
  cudaGraphExecUpdateResultInfo info;
  OK(cudaGraphExecUpdate(exec, h, &info));
  CHECK(info.result == cudaGraphExecUpdateSuccess);
  OK(cudaGraphLaunch(exec, s));
  OK(cudaStreamSynchronize(s));
  CHECK(host(y, n)[5] == 21);
  // and one of another form does not
  cudaGraph_t other;
  OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeRelaxed));
  saxpy<<<2, 128, 0, s>>>(1.0f, x, y, n);
  OK(cudaStreamEndCapture(s, &other));
  FAILS(cudaGraphExecUpdate(exec, other, &info), cudaErrorGraphExecUpdateFailure);
  CHECK(info.result == cudaGraphExecUpdateErrorTopologyChanged);
  // what a capture refuses
  OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
  FAILS(cudaStreamSynchronize(s), cudaErrorStreamCaptureUnsupported);  // ends it, as the ones below
  FAILS(cudaEventRecord(fork, s), cudaErrorStreamCaptureInvalidated);
  cudaStreamCaptureStatus status;
  OK(cudaStreamIsCapturing(s, &status));
  CHECK(status == cudaStreamCaptureStatusInvalidated);
  cudaGraph_t none = g;
  FAILS(cudaStreamEndCapture(s, &none), cudaErrorStreamCaptureInvalidated);
  CHECK(none == nullptr);
  auto spoil = [&](auto call) {
    OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
    call();
    FAILS(cudaStreamEndCapture(s, &none), cudaErrorStreamCaptureInvalidated);
  };
  spoil([&] { FAILS(cudaDeviceSynchronize(), cudaErrorStreamCaptureUnsupported); });
  spoil([&] { FAILS(cudaMalloc(&t, 64), cudaErrorStreamCaptureUnsupported); });
  spoil([&] { FAILS(cudaMemcpy(x, y, 4, cudaMemcpyDefault), cudaErrorStreamCaptureImplicit); });
  spoil([&] {
    OK(cudaEventRecord(fork, s));
    FAILS(cudaEventQuery(fork), cudaErrorCapturedEvent);
  });
  OK(cudaEventRecord(join, side));
  spoil([&] { FAILS(cudaStreamWaitEvent(s, join, 0), cudaErrorStreamCaptureIsolation); });
  FAILS(cudaStreamEndCapture(s, &none), cudaErrorIllegalState);
  FAILS(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeRelaxed), cudaErrorStreamCaptureUnsupported);
  OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
  FAILS(cudaStreamBeginCapture(s, cudaStreamCaptureModeRelaxed), cudaErrorIllegalState);
  OK(cudaEventRecord(fork, s));
  OK(cudaStreamWaitEvent(side, fork, 0));
  saxpy<<<2, 128, 0, side>>>(1.0f, x, z, n);
  FAILS(cudaStreamEndCapture(s, &none), cudaErrorStreamCaptureUnjoined);
  CHECK(none == nullptr);
  OK(cudaGraphExecDestroy(exec));
  for (cudaGraph_t q : {g, h, other}) OK(cudaGraphDestroy(q));
}

void graph_nodes() {
  int n = 64, calls = 0;
  int *p, *q;
  OK(cudaMalloc(&p, n * 4)), OK(cudaMalloc(&q, n * 4));
  cudaGraph_t g;
  cudaGraphNode_t fill, kernel, copy, call;
  OK(cudaGraphCreate(&g, 0));
  cudaMemsetParams m = {};
  m.dst = p, m.value = 7, m.elementSize = 4, m.width = size_t(n), m.height = 1;
  OK(cudaGraphAddMemsetNode(&fill, g, nullptr, 0, &m));
  int v = 100;
  void* args[] = {&p, &v};
  cudaKernelNodeParams k = {};
  k.func = reinterpret_cast<void*>(set), k.gridDim = 1, k.blockDim = 32, k.kernelParams = args;
  OK(cudaGraphAddKernelNode(&kernel, g, &fill, 1, &k));
  OK(cudaGraphAddMemcpyNode1D(&copy, g, &kernel, 1, q, p, size_t(n) * 4, cudaMemcpyDeviceToDevice));
  cudaHostNodeParams f = {[](void* d) { ++*static_cast<int*>(d); }, &calls};
  OK(cudaGraphAddHostNode(&call, g, &copy, 1, &f));
  cudaGraphExec_t exec;
  OK(cudaGraphInstantiate(&exec, g, 0));
  OK(cudaGraphLaunch(exec, nullptr));
  OK(cudaDeviceSynchronize());
  auto out = host(q, size_t(n));
  CHECK(out[0] == 100 && out[31] == 131 && out[32] == 7 && out[63] == 7 && calls == 1);
  v = 200;
  OK(cudaGraphExecKernelNodeSetParams(exec, kernel, &k));
  m.value = 9;
  OK(cudaGraphExecMemsetNodeSetParams(exec, fill, &m));
  OK(cudaGraphLaunch(exec, nullptr));
  out = host(q, size_t(n));
  CHECK(out[1] == 201 && out[40] == 9 && calls == 2);
  cudaKernelNodeParams back;
  OK(cudaGraphKernelNodeGetParams(kernel, &back));  // the graph itself is as it was
  CHECK(back.blockDim.x == 32 && *static_cast<int*>(back.kernelParams[1]) == 100);
  OK(cudaGraphNodeSetEnabled(exec, kernel, 0));
  OK(cudaGraphLaunch(exec, nullptr));
  CHECK(host(q, size_t(n))[1] == 9);
  cudaGraph_t parent;
  cudaGraphNode_t child;
  OK(cudaGraphCreate(&parent, 0));
  OK(cudaGraphAddChildGraphNode(&child, parent, nullptr, 0, g));
  cudaGraphExec_t whole;
  OK(cudaGraphInstantiate(&whole, parent, 0));
  OK(cudaGraphLaunch(whole, nullptr));
  CHECK(host(q, size_t(n))[1] == 101 && calls == 4);
  cudaGraph_t ring;
  cudaGraphNode_t a, b;
  OK(cudaGraphCreate(&ring, 0));
  OK(cudaGraphAddEmptyNode(&a, ring, nullptr, 0));
  OK(cudaGraphAddEmptyNode(&b, ring, &a, 1));
  OK(cudaGraphAddDependencies(ring, &b, &a, nullptr, 1));
  FAILS(cudaGraphInstantiate(&whole, ring, 0), cudaErrorInvalidValue);
}

int main(int argc, char** argv) {
  constexpr Test tests[] = {{"streams_and_events", streams_and_events},
                            {"graph_capture", graph_capture},
                            {"graph_nodes", graph_nodes}};
  return run_tests(argc, argv, tests, sizeof tests / sizeof *tests);
}
