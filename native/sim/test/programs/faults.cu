// Kernels that go wrong, and what the program sees of it: the launch is fine, every later call answers the
// fault's error.
#include "check.h"

__global__ void write(int* p) { *p = 1; }
__global__ void read(const int* p, int* q) { *q = *p; }
__global__ void misaligned(char* p) { *reinterpret_cast<int*>(p + 1) = 1; }
__global__ void trap() { asm volatile("trap;"); }
__global__ void forever(volatile int* p) {
  while (*p == 0) {
  }
}

void sticky(cudaError_t want) {
  CHECK(cudaGetLastError() == cudaSuccess);
  FAILS(cudaDeviceSynchronize(), want);
  int* p;
  FAILS(cudaMalloc(&p, 4), want);
  write<<<1, 1>>>(nullptr);
  FAILS(cudaGetLastError(), want);
  CHECK(cudaPeekAtLastError() == cudaSuccess);
  int n = 0;
  OK(cudaGetDeviceCount(&n));
}
int* memory() {
  int* p;
  OK(cudaMalloc(&p, 64));
  return p;
}

void bad_pointer() {
  write<<<1, 1>>>(reinterpret_cast<int*>(64));
  sticky(cudaErrorIllegalAddress);
}
void past_the_end() {
  write<<<1, 1>>>(memory() + 16);
  sticky(cudaErrorIllegalAddress);
}
void unwritten() {
  read<<<1, 1>>>(memory(), memory());
  sticky(cudaErrorLaunchFailure);
}
void misalignment() {
  misaligned<<<1, 1>>>(reinterpret_cast<char*>(memory()));
  sticky(cudaErrorMisalignedAddress);
}
void trapped() {
  trap<<<1, 1>>>();
  sticky(cudaErrorLaunchFailure);
}
// Destructors of the program run after those of its main thread. Memory that the CUDA libraries gave back by
// then is the program's, whatever it still calls.
struct AtExit {
  bool called = false;
  ~AtExit() {
    if (!called) return;
    std::vector<std::vector<char>> blocks;
    for (size_t bytes = 32; bytes < 4096; bytes += 16)
      for (int k = 0; k < 4; ++k) blocks.emplace_back(bytes, '.');
    int* p;
    if (cudaMalloc(&p, 4) != cudaErrorLaunchFailure) std::fprintf(stderr, "expected the fault\n"), std::_Exit(1);
    for (const auto& b : blocks)
      if (b != std::vector<char>(b.size(), '.'))
        std::fprintf(stderr, "expected the program's memory as it was, found %.20s\n", b.data()), std::_Exit(1);
  }
} at_exit;
void trapped_then_exit() {
  trapped();
  at_exit.called = true;
}
void endless() {
  int* p = memory();
  OK(cudaMemset(p, 0, 64));
  forever<<<1, 32>>>(p);
  sticky(cudaErrorLaunchTimeout);
}

int main(int argc, char** argv) {
  constexpr Test tests[] = {{"bad_pointer", bad_pointer}, {"past_the_end", past_the_end},
                            {"unwritten", unwritten},     {"misalignment", misalignment},
                            {"trapped", trapped},         {"trapped_then_exit", trapped_then_exit},
                            {"endless", endless}};
  return run_tests(argc, argv, tests, sizeof tests / sizeof *tests);
}
