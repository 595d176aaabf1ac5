// What programs do through the CUDA runtime: memory, symbols, launches, attributes. Built with nvcc -cudart shared and run on
// the virtual SM100; the same source runs on a GPU. Streams and graphs are streams.cu's.
#include <cooperative_groups.h>

#include "check.h"

__constant__ float scale[4];
__device__ int counter;
__managed__ int managed;

__global__ void add(const float* a, const float* b, float* o, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) o[i] = a[i] + b[i];
}
__global__ void scaled(float* y, int k) { y[threadIdx.x] *= scale[k], atomicAdd(&counter, 1); }
__global__ void set(int* p, int v) { p[threadIdx.x] = v + int(threadIdx.x); }
__global__ void bump() { managed += 5; }
__global__ void big(int* p) {
  extern __shared__ int s[];
  s[threadIdx.x] = int(threadIdx.x);
  __syncthreads();
  p[threadIdx.x] = s[blockDim.x - 1 - threadIdx.x];
}
__global__ void __launch_bounds__(64) bounded(int* p) { *p = 1; }
__global__ void __cluster_dims__(2, 1, 1) pair(int* p) {
  auto c = cooperative_groups::this_cluster();
  if (threadIdx.x == 0) p[blockIdx.x] = int(c.block_rank() * 10 + c.num_blocks());
  c.sync();
}
__global__ void phases(int* a, int* b) {  // every CTA reads what another wrote before the grid's barrier
  unsigned n = gridDim.x;
  a[blockIdx.x] = int(blockIdx.x) * 3;
  cooperative_groups::this_grid().sync();
  b[blockIdx.x] = a[(blockIdx.x + 1) % n];
}

void vector_add() {
  int n = 1000;
  float *a = device(std::vector<float>(n, 1)), *b = device(std::vector<float>(n, 2)), *c;
  OK(cudaMalloc(&c, n * 4));
  add<<<8, 128>>>(a, b, c, n);
  OK(cudaGetLastError());
  OK(cudaDeviceSynchronize());
  for (float x : host(c, n)) CHECK(x == 3);
  OK(cudaFree(a)), OK(cudaFree(b)), OK(cudaFree(c)), OK(cudaFree(nullptr));
}

void symbols() {
  float s[4] = {1, 2, 3, 4}, back[4];
  OK(cudaMemcpyToSymbol(scale, s, sizeof s));
  OK(cudaMemcpyFromSymbol(back, scale, sizeof back));
  CHECK(back[3] == 4);
  float* y = device(std::vector<float>(32, 5));
  scaled<<<1, 32>>>(y, 2);
  CHECK(host(y, 32)[31] == 15);
  void* at;
  size_t size;
  OK(cudaGetSymbolAddress(&at, counter));
  OK(cudaGetSymbolSize(&size, scale));
  CHECK(size == 16);
  int count;
  OK(cudaMemcpy(&count, at, 4, cudaMemcpyDeviceToHost));
  CHECK(count == 32);
  FAILS(cudaMemcpyToSymbol(scale, s, 8, 12), cudaErrorInvalidValue);
  managed = 1;
  bump<<<1, 1>>>();
  OK(cudaDeviceSynchronize());
  CHECK(managed == 6);
}

void memory() {
  size_t free_bytes, total;
  OK(cudaMemGetInfo(&free_bytes, &total));
  CHECK(total > (size_t(170) << 30) && free_bytes <= total);
  int *d, *pinned, *shared, plain[64];
  OK(cudaMalloc(&d, 4096));
  OK(cudaHostAlloc(&pinned, 256, cudaHostAllocMapped));
  OK(cudaMallocManaged(&shared, 256));
  cudaPointerAttributes a;
  OK(cudaPointerGetAttributes(&a, d + 3));
  CHECK(a.type == cudaMemoryTypeDevice && a.devicePointer == d + 3 && a.device == 0);
  OK(cudaPointerGetAttributes(&a, pinned));
  CHECK(a.type == cudaMemoryTypeHost && a.hostPointer == pinned);
  OK(cudaPointerGetAttributes(&a, shared));
  CHECK(a.type == cudaMemoryTypeManaged);
  OK(cudaPointerGetAttributes(&a, plain));
  CHECK(a.type == cudaMemoryTypeUnregistered);
  // a 3 x 20 byte window, by rows
  char* pitched;
  size_t pitch;
  OK(cudaMallocPitch(&pitched, &pitch, 100, 10));
  CHECK(pitch >= 100);
  OK(cudaMemset2D(pitched, pitch, 1, 100, 10));
  char rows[60], back[60] = {};
  for (int k = 0; k < 60; ++k) rows[k] = char(k);
  OK(cudaMemcpy2D(pitched + 2 * pitch + 8, pitch, rows, 20, 20, 3, cudaMemcpyHostToDevice));
  OK(cudaMemcpy2D(back, 20, pitched + 2 * pitch + 8, pitch, 20, 3, cudaMemcpyDeviceToHost));
  CHECK(!std::memcmp(rows, back, 60));
  char one;
  OK(cudaMemcpy(&one, pitched + 2 * pitch + 7, 1, cudaMemcpyDefault));
  CHECK(one == 1);
  FAILS(cudaMemcpy2D(back, 10, pitched, pitch, 20, 3, cudaMemcpyDeviceToHost), cudaErrorInvalidPitchValue);
  cudaPitchedPtr volume;
  OK(cudaMalloc3D(&volume, {16, 4, 3}));
  cudaMemcpy3DParms c = {};
  c.srcPtr = {rows, 5, 5, 4}, c.dstPtr = volume, c.dstPos = {2, 0, 0}, c.extent = {5, 4, 3},
  c.kind = cudaMemcpyHostToDevice;
  OK(cudaMemcpy3D(&c));
  OK(cudaMemcpy(&one, static_cast<char*>(volume.ptr) + volume.pitch * (4 * 2 + 3) + 2 + 4, 1,
                cudaMemcpyDeviceToHost));
  CHECK(one == 59);
  FAILS(cudaMemcpy(d + 1020, rows, 60, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  FAILS(cudaFree(d + 1), cudaErrorInvalidValue);
  void* huge;
  FAILS(cudaMalloc(&huge, size_t(1) << 45), cudaErrorMemoryAllocation);
  cudaMemPool_t pool;
  OK(cudaDeviceGetDefaultMemPool(&pool, 0));
  uint64_t threshold = ~uint64_t(0), got = 0;
  OK(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold));
  OK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &got));
  CHECK(got == threshold);
  OK(cudaHostRegister(plain, sizeof plain, 0));
  FAILS(cudaHostRegister(plain, sizeof plain, 0), cudaErrorHostMemoryAlreadyRegistered);
  OK(cudaHostUnregister(plain));
  OK(cudaFree(d)), OK(cudaFreeHost(pinned)), OK(cudaFree(shared)), OK(cudaFree(pitched)),
      OK(cudaFree(volume.ptr));
}

void launches() {
  int *p, n = 0;
  OK(cudaMalloc(&p, 65536));
  // a CTA's shared memory: 48 KB unless the attribute says more, 227 KB at most
  big<<<1, 64, 48 * 1024>>>(p);
  OK(cudaGetLastError());
  big<<<1, 64, 100 * 1024>>>(p);
  FAILS(cudaGetLastError(), cudaErrorInvalidValue);
  OK(cudaFuncSetAttribute(big, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024));
  FAILS(cudaFuncSetAttribute(big, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024 + 1),
        cudaErrorInvalidValue);
  big<<<1, 64, 227 * 1024>>>(p);
  OK(cudaDeviceSynchronize());
  CHECK(host(p, 64)[0] == 63);
  set<<<1, 1025>>>(p, 0);
  FAILS(cudaGetLastError(), cudaErrorInvalidValue);
  set<<<0, 32>>>(p, 0);
  FAILS(cudaGetLastError(), cudaErrorInvalidValue);
  set<<<dim3(1, 65536), 32>>>(p, 0);
  FAILS(cudaGetLastError(), cudaErrorInvalidValue);
  bounded<<<1, 128>>>(p);
  FAILS(cudaGetLastError(), cudaErrorInvalidValue);
  void* args[] = {&p, &n};
  FAILS(cudaLaunchKernel(reinterpret_cast<void*>(launches), 1, 1, args, 0, nullptr),
        cudaErrorInvalidResourceHandle);
  // clusters
  pair<<<3, 32>>>(p);
  FAILS(cudaGetLastError(), cudaErrorInvalidClusterSize);
  pair<<<4, 32>>>(p);
  OK(cudaDeviceSynchronize());
  CHECK(host(p, 4)[0] == 2 && host(p, 4)[3] == 12);
  cudaLaunchConfig_t c = {};
  cudaLaunchAttribute a[2] = {};
  c.gridDim = 32, c.blockDim = 32, c.attrs = a, c.numAttrs = 1;
  a[0].id = cudaLaunchAttributeClusterDimension, a[0].val.clusterDim = {16, 1, 1};
  FAILS(cudaLaunchKernelEx(&c, set, p, 1), cudaErrorInvalidClusterSize);
  OK(cudaFuncSetAttribute(set, cudaFuncAttributeNonPortableClusterSizeAllowed, 1));
  OK(cudaLaunchKernelEx(&c, set, p, 1));
  a[0].val.clusterDim = {4, 1, 1};
  a[1].id = cudaLaunchAttributeProgrammaticStreamSerialization,
  a[1].val.programmaticStreamSerializationAllowed = 1;
  c.numAttrs = 2;
  OK(cudaLaunchKernelEx(&c, set, p, 1));
  OK(cudaDeviceSynchronize());
  // cooperative: as many CTAs as live at once
  int per_sm = 0, *q = p + 8192;
  OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&per_sm, phases, 32, 0));
  void* both[] = {&p, &q};
  OK(cudaLaunchCooperativeKernel(phases, 700, 32, both, 0, nullptr));
  OK(cudaDeviceSynchronize());
  CHECK(host(q, 700)[10] == 33 && host(q, 700)[699] == 0);
  FAILS(cudaLaunchCooperativeKernel(phases, per_sm * 148 + 1, 32, both, 0, nullptr),
        cudaErrorCooperativeLaunchTooLarge);
}

void occupancy() {
  int n = 0, grid = 0, block = 0;
  OK(cudaFuncSetAttribute(big, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024));
  OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&n, big, 128, 0));
  CHECK(n == 16);  // 2048 threads
  OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&n, big, 32, 0));
  CHECK(n == 32);  // CTAs
  OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&n, big, 128, 75 * 1024));
  CHECK(n == 3);  // 228 KB over 76
  OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&n, big, 128, 227 * 1024));
  CHECK(n == 1);
  OK(cudaOccupancyMaxPotentialBlockSize(&grid, &block, add));
  CHECK(block == 1024 && grid == 2 * 148);
  size_t room = 0;
  OK(cudaOccupancyAvailableDynamicSMemPerBlock(&room, big, 2, 128));
  CHECK(room == 113 * 1024);
  cudaLaunchConfig_t c = {};
  cudaLaunchAttribute a = {};
  c.gridDim = 148, c.blockDim = 128, c.dynamicSmemBytes = 200 * 1024, c.attrs = &a, c.numAttrs = 1;
  a.id = cudaLaunchAttributeClusterDimension, a.val.clusterDim = {2, 1, 1};
  OK(cudaOccupancyMaxActiveClusters(&n, big, &c));
  CHECK(n == 74);
  a.val.clusterDim = {16, 1, 1};
  FAILS(cudaOccupancyMaxActiveClusters(&n, big, &c), cudaErrorInvalidClusterSize);
  OK(cudaOccupancyMaxPotentialClusterSize(&n, big, &c));
  CHECK(n == 8);
  cudaFuncAttributes f;
  OK(cudaFuncGetAttributes(&f, bounded));
  CHECK(f.maxThreadsPerBlock == 64 && f.binaryVersion == 100 && f.numRegs > 0 && f.sharedSizeBytes == 0);
  OK(cudaFuncGetAttributes(&f, pair));
  CHECK(f.requiredClusterWidth == 2 && f.requiredClusterHeight == 1);
}

void properties() {
  int n = 0, v = 0;
  OK(cudaGetDeviceCount(&n));
  OK(cudaSetDevice(0));
  CHECK(n == 1);
  FAILS(cudaSetDevice(1), cudaErrorInvalidDevice);
  cudaDeviceProp p;
  OK(cudaGetDeviceProperties(&p, 0));
  CHECK(p.major == 10 && p.minor == 0 && p.multiProcessorCount == 148 && p.warpSize == 32);
  CHECK(p.sharedMemPerBlock == 49152 && p.sharedMemPerBlockOptin == 232448 &&
        p.sharedMemPerMultiprocessor == 233472);
  CHECK(p.reservedSharedMemPerBlock == 1024 && p.regsPerMultiprocessor == 65536 &&
        p.maxThreadsPerMultiProcessor == 2048);
  CHECK(p.maxBlocksPerMultiProcessor == 32 && p.clusterLaunch == 1 && p.cooperativeLaunch == 1 &&
        p.maxThreadsDim[2] == 64);
  CHECK(p.totalGlobalMem >> 30 == 179 && p.l2CacheSize == 132644864 && p.maxGridSize[0] == 0x7fffffff);
  OK(cudaDeviceGetAttribute(&v, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0));
  CHECK(v == 232448);
  FAILS(cudaDeviceGetAttribute(&v, cudaDeviceAttr(9999), 0), cudaErrorInvalidValue);
  OK(cudaRuntimeGetVersion(&v));
  CHECK(v == CUDART_VERSION);
  OK(cudaDriverGetVersion(&v));
  CHECK(v >= 13000);
  CHECK(!std::strcmp(cudaGetErrorName(cudaErrorInvalidValue), "cudaErrorInvalidValue"));
  CHECK(
      !std::strcmp(cudaGetErrorString(cudaErrorIllegalAddress), "an illegal memory access was encountered"));
  CHECK(!std::strcmp(cudaGetErrorString(cudaError_t(54321)), "unrecognized error code"));
  // an error stays until it is asked for, and only then
  cudaSetDevice(3);
  CHECK(cudaPeekAtLastError() == cudaErrorInvalidDevice && cudaPeekAtLastError() == cudaErrorInvalidDevice);
  CHECK(cudaGetLastError() == cudaErrorInvalidDevice && cudaGetLastError() == cudaSuccess);
  void* f = nullptr;
  cudaDriverEntryPointQueryResult found;
  OK(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &f, 12000, cudaEnableDefault, &found));
  CHECK(f && found == cudaDriverEntryPointSuccess);
  OK(cudaGetDriverEntryPointByVersion("cuNoSuchFunction", &f, 12000, cudaEnableDefault, &found));
  CHECK(!f && found == cudaDriverEntryPointSymbolNotFound);
  cudaArray_t array;
  cudaChannelFormatDesc d = {8, 0, 0, 0, cudaChannelFormatKindUnsigned};
  CHECK(cudaMallocArray(&array, &d, 16, 16) == cudaErrorNotSupported);  // not part of the virtual GPU
}

int main(int argc, char** argv) {
  constexpr Test tests[] = {{"vector_add", vector_add},
                            {"symbols", symbols},
                            {"memory", memory},
                            {"launches", launches},
                            {"occupancy", occupancy},
                            {"properties", properties}};
  return run_tests(argc, argv, tests, sizeof tests / sizeof *tests);
}
