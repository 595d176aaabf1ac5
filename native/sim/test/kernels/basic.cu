// Kernels whose PTX the virtual GPU's tests run: plain, divergent, cooperative.
#include <cassert>

extern "C" __global__ void vector_add(const float* a, const float* b, float* c, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) c[i] = a[i] + b[i];
}

extern "C" __global__ void reduce_sum(const float* x, float* out, int n) {
  __shared__ float partial[32];
  float s = 0;
  for (int i = threadIdx.x; i < n; i += blockDim.x) s += x[blockIdx.x * n + i];
  for (int d = 16; d; d /= 2) s += __shfl_xor_sync(~0u, s, d);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = s;
  __syncthreads();
  if (threadIdx.x < 32) {
    s = threadIdx.x < blockDim.x / 32 ? partial[threadIdx.x] : 0;
    for (int d = 16; d; d /= 2) s += __shfl_xor_sync(~0u, s, d);
    if (threadIdx.x == 0) out[blockIdx.x] = s;
  }
}

extern "C" __global__ void softmax(const float* x, float* y, int n) {
  extern __shared__ float row[];
  __shared__ float total;
  x += blockIdx.x * n, y += blockIdx.x * n;
  for (int i = threadIdx.x; i < n; i += blockDim.x) row[i] = x[i];
  __syncthreads();
  float m = -INFINITY, s = 0;
  for (int i = 0; i < n; ++i) m = fmaxf(m, row[i]);
  if (threadIdx.x == 0) {
    for (int i = 0; i < n; ++i) s += expf(row[i] - m);
    total = s;
  }
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x) y[i] = expf(row[i] - m) / total;
}

// Trip counts, nested branches and early exits differ from lane to lane.
extern "C" __global__ void divergent(const int* in, int* out, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  int v = in[i], s = 0;
  for (int k = 0; k < v; ++k) {
    if (k % 3 == 0) s += k;
    else if ((k ^ i) & 1) {
      for (int j = 0; j < k % 5; ++j) s = s * 3 + j;
      if (s > 100000) break;
    } else {
      s -= v;
      if (s < -50) continue;
    }
    s ^= k;
  }
  switch (v % 7) {
    case 0: s += 1; break;
    case 1: s *= 2; break;
    case 2: s -= 3;
    case 3: s ^= 4; break;
    case 4: s = ~s; break;
    case 5: s += v * 5; break;
    default: s = 6 - s;
  }
  out[i] = s;
}

__device__ __noinline__ int gcd(int a, int b) {
  while (b) {
    int t = a % b;
    a = b;
    b = t;
  }
  return a;
}
struct Pair {
  int a, b;
  long long c;
};
__device__ __noinline__ Pair make_pair_of(int a, Pair p) { return {a + p.b, gcd(a, p.a), p.c * a}; }
extern "C" __global__ void calls(const int* in, long long* out, int n) {
  int i = threadIdx.x;
  if (i >= n) return;
  Pair p{in[i], i, i + 1};
  if (i & 1) p = make_pair_of(in[i] + 7, p);
  out[i] = p.a * 1000000ll + p.b * 1000 + p.c;
}

extern "C" __global__ void local_array(const int* in, int* out, int n) {
  int a[16];
  for (int k = 0; k < 16; ++k) a[k] = in[(threadIdx.x + k) % n];
  for (int k = 0; k < 16; ++k) {
    int j = (a[k] & 15), t = a[j];
    a[j] = a[k];
    a[k] = t;
  }
  int s = 0;
  for (int k = 0; k < 16; ++k) s = s * 31 + a[k];
  out[threadIdx.x] = s;
}

extern "C" __global__ void histogram(const int* in, int* bins, int n) {
  __shared__ int mine[16];
  if (threadIdx.x < 16) mine[threadIdx.x] = 0;
  __syncthreads();
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) atomicAdd(&mine[in[i] & 15], 1);
  __syncthreads();
  if (threadIdx.x < 16) atomicAdd(&bins[threadIdx.x], mine[threadIdx.x]);
}

// Each lane takes the lock in turn: lanes that spin must not keep the holder from going on.
extern "C" __global__ void spin_lock(int* lock, int* counter) {
  while (atomicCAS(lock, 0, 1) != 0) {
  }
  volatile int* c = counter;
  *c = *c + 1;
  __threadfence();
  atomicExch(lock, 0);
}

// All CTAs meet: they only can if they live at once.
extern "C" __global__ void grid_meeting(int* arrived, int* out) {
  if (threadIdx.x == 0) {
    atomicAdd(arrived, 1);
    while (*(volatile int*)arrived < (int)gridDim.x) {
    }
  }
  __syncthreads();
  out[blockIdx.x * blockDim.x + threadIdx.x] = *(volatile int*)arrived;
}

// Producer and consumer warps on named barriers.
extern "C" __global__ void named_barriers(const int* in, int* out, int rounds) {
  __shared__ int slot[32];
  int lane = threadIdx.x % 32;
  for (int r = 0; r < rounds; ++r) {
    if (threadIdx.x < 32) {
      slot[lane] = in[r * 32 + lane] * 2;
      __threadfence_block();
      asm volatile("bar.arrive 1, 64;" ::: "memory");
      asm volatile("bar.sync 2, 64;" ::: "memory");
    } else {
      asm volatile("bar.sync 1, 64;" ::: "memory");
      out[r * 32 + lane] = slot[lane] + 1;
      asm volatile("bar.arrive 2, 64;" ::: "memory");
    }
  }
}

extern "C" __global__ void votes(const int* in, int* out) {
  int v = in[threadIdx.x];
  out[threadIdx.x] = __syncthreads_count(v > 3) * 100 + __syncthreads_and(v > 0) * 10 + __syncthreads_or(v > 8);
}

__constant__ int table[8] = {3, 1, 4, 1, 5, 9, 2, 6};
__device__ int scratch[64];
struct Big {
  int v[20];
};
extern "C" __global__ void spaces(const __grid_constant__ Big big, int* out, int pick) {
  scratch[threadIdx.x] = table[threadIdx.x % 8] + big.v[(threadIdx.x + pick) % 20];
  __syncthreads();
  const int* generic = threadIdx.x & 1 ? &scratch[63 - threadIdx.x] : &big.v[threadIdx.x % 20];
  out[threadIdx.x] = *generic;
}

extern "C" __global__ void vectors(const float4* a, const int2* b, float4* c, short* d) {
  int i = threadIdx.x;
  float4 v = a[i];
  int2 w = b[i];
  c[i] = make_float4(v.w, v.z * w.x, v.y + w.y, v.x);
  d[i] = (short)(w.x - w.y);
}

extern "C" __global__ void stray(int* p, int at, int mode) {
  __shared__ int s[8];
  if (mode == 0) p[at + threadIdx.x] = 1;
  if (mode == 1) s[threadIdx.x] = p[at + threadIdx.x];
  if (mode == 2) p[0] = s[threadIdx.x];
  if (mode == 3) *(int*)((char*)p + 2) = at;
  if (mode == 4) s[at] = 1;
  if (mode == 5) assert(at == 17 && "the number is 17");
  if (mode == 6) __trap();
  if (mode == 7 && threadIdx.x < 32) __syncthreads();
  if (mode == 7 && threadIdx.x >= 32) asm volatile("bar.sync 3;");
  p[1] = s[0];
}
