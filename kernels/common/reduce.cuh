// Reductions over a warp and a CTA. The order of additions is fixed, so results repeat bit for bit.
#pragma once
#include <cstdint>

constexpr uint32_t FULL_WARP = 0xffffffffu;

// Sum over groups of `width` lanes (a power of two); every lane of the group gets it.
__device__ inline float warp_sum(float v, int width = 32) {
  for (int o = width / 2; o > 0; o /= 2) v += __shfl_xor_sync(FULL_WARP, v, o);
  return v;
}

template <class T>
__device__ inline T warp_max(T v, int width = 32) {
  for (int o = width / 2; o > 0; o /= 2) {
    const T other = __shfl_xor_sync(FULL_WARP, v, o);
    v = v < other ? other : v;
  }
  return v;
}

// One halving step: a lane keeps one half of its values and gives the other half across bit H.
template <int N>
__device__ inline float halve_sums(const float (&v)[N], int lane) {
  if constexpr (N == 1) {
    return v[0];
  } else {
    constexpr int H = N / 2;
    const bool upper = lane & H;
    float kept[H];
#pragma unroll
    for (int i = 0; i < H; ++i)
      kept[i] = (upper ? v[i + H] : v[i]) + __shfl_xor_sync(FULL_WARP, upper ? v[i] : v[i + H], H);
    return halve_sums(kept, lane);
  }
}

// N sums at once: lane l gets the warp's sum of v[l % N], in N - 1 + log2(32 / N) shuffles instead of 5 N.
template <int N>
__device__ inline float warp_sums(const float (&v)[N], int lane) {
  static_assert(N >= 1 && N <= 32 && (N & (N - 1)) == 0, "halving needs a power of two of at most a warp");
  float sum = halve_sums(v, lane);
#pragma unroll
  for (int o = N; o < 32; o *= 2) sum += __shfl_xor_sync(FULL_WARP, sum, o);
  return sum;
}

// Sum over the CTA (a multiple of 32 threads, at most 1024); every thread gets it. `scratch` holds one float
// a warp; a second call on it needs a __syncthreads() first.
__device__ inline float block_sum(float v, float* scratch) {
  v = warp_sum(v);
  if (blockDim.x == 32) return v;
  if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = v;
  __syncthreads();
  const int lane = threadIdx.x % 32;
  return warp_sum(lane < blockDim.x / 32 ? scratch[lane] : 0.f);
}

// Largest value over the CTA, for an unsigned T; `scratch` as above.
template <class T>
__device__ inline T block_max(T v, T* scratch) {
  v = warp_max(v);
  if (blockDim.x == 32) return v;
  if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = v;
  __syncthreads();
  const int lane = threadIdx.x % 32;
  return warp_max(lane < blockDim.x / 32 ? scratch[lane] : T(0));
}
