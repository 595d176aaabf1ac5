// Softmax of umma_attention.cuh, and O brought to a new anchor.
#pragma once
#include "kernels/common/anchor.cuh"
#include "kernels/common/umma_attention_stage.cuh"
#include "kernels/common/vec.cuh"
#include "kernels/ptx/approx.cuh"
#include "kernels/ptx/barrier.cuh"
#include "kernels/ptx/tma.cuh"

namespace umma_attention {

// O *= factor, a power of two, in this warp's lanes
__device__ __forceinline__ void rescale(uint32_t own, float factor) {
  for (uint32_t c = 0; c < O_COLUMNS; c += 32) {
    uint32_t v[32];
    ptx::tmem_load_32x32b_x32(v, own + c);
    ptx::tmem_load_wait();
#pragma unroll
    for (int k = 0; k < 32; ++k) v[k] = __float_as_uint(__uint_as_float(v[k]) * factor);
    ptx::tmem_store_32x32b_x32(own + c, v);
  }
  ptx::tmem_store_wait();
}

// P = 2^(t - m). Thread h has head h and keys 0-31 of a tile, thread h + 64 the same head and keys 32-63. Leaves the head's m and sum P
// with both, and O complete.
template <class A>
__device__ __forceinline__ void softmax(const A& a, float& m, float& L) {
  using Cta = typename A::Cta;
  const uint32_t head = threadIdx.x % HEADS, half = threadIdx.x / HEADS;
  const uint32_t lanes = a.warp * 32 << 16;
  const float to_log2 = a.p.op.scale * anchor::LOG2_E;
  ptx::Ring ring;
  m = anchor::LOWEST, L = 0.0f;
  for (int32_t i = a.first; i < a.last; ++i, ring.next(STAGES)) {
    const uint32_t listed = __ballot_sync(~0u, a.row_of(i * KEYS + half * 32 + a.lane) >= 0);
    Cta::wait(&a.sh.s_full[ring.stage], ring.parity);
    ptx::tcgen05_fence_after();
    uint32_t s[32];
    ptx::tmem_load_32x32b_x32(s, a.scores(ring.stage) + lanes);
    ptx::tmem_load_wait();

    // t = (q . k) * scale * log2(e); m = ceil(max t) over all keys so far
    float t[32], most = anchor::NEG_INF;
#pragma unroll
    for (int k = 0; k < 32; ++k) {
      t[k] = listed >> k & 1 ? anchor::product(__uint_as_float(s[k]), to_log2) : anchor::NEG_INF;
      most = fmaxf(most, t[k]);
    }
    float* halves = a.sh.halves[ring.stage];
    halves[threadIdx.x] = most;
    ptx::named_barrier(1 + a.warp % 2, 64);  // with the warp that has the other keys
    const float before = m;
    m = fmaxf(m, anchor::of(fmaxf(most, halves[threadIdx.x ^ HEADS])));
    const float factor = anchor::power(before - m);
    if (i > a.first && __any_sync(~0u, m > before)) {
      // O of the tile before is the last that was added
      Cta::wait(&a.sh.done[ring.stage ^ 1], ring.parity ^ ring.stage ^ 1);
      ptx::tcgen05_fence_after();
      rescale(a.sh.tmem + lanes, factor);
    }
    ptx::tcgen05_fence_before();

    // P = 2^(t - m), in bf16 for the product; sum P keeps the unrounded one
    Cta::wait(&a.sh.done[ring.stage], ring.parity ^ 1);
    float sum = 0.0f;
#pragma unroll
    for (int u = 0; u < 4; ++u) {
      float P[8];
#pragma unroll
      for (int k = 0; k < 8; ++k) P[k] = ptx::ex2(t[8 * u + k] - m);
      *swizzled(a.weights(ring.stage), head, 4 * half + u) = round_bf16x8(P);
      sum += ((P[0] + P[1]) + (P[2] + P[3])) + ((P[4] + P[5]) + (P[6] + P[7]));
    }
    L = L * factor + sum;
    ptx::fence_proxy_async();
    __syncwarp();
    if (a.lane == 0) Cta::arrive(&a.sh.p_full[ring.stage]);
  }
  const uint32_t n = a.last - a.first - 1;
  Cta::wait(&a.sh.done[n % STAGES], n / STAGES % 2);
  ptx::tcgen05_fence_after();
  a.sh.halves[(n + 1) % 2][threadIdx.x] = L;
  ptx::named_barrier(1 + a.warp % 2, 64);
  L += a.sh.halves[(n + 1) % 2][threadIdx.x ^ HEADS];
}

}  // namespace umma_attention
