// Ends of umma_attention.cuh: O of a list is divided by L and stored, or joined with what other CTAs of a cluster have of it.
#pragma once
#include "kernels/common/anchor.cuh"
#include "kernels/common/attention_out.cuh"
#include "kernels/common/umma_attention_stage.cuh"
#include "kernels/ptx/approx.cuh"
#include "kernels/ptx/barrier.cuh"
#include "kernels/ptx/cluster.cuh"
#include "kernels/ptx/tma.cuh"

namespace umma_attention {

// 1 / (sum P + 2^(sink * log2(e) - m)); the largest P is above 1/2, so a sum of 0 means no key
template <class A>
__device__ __forceinline__ float inverse(const A& a, uint32_t head, float m, float sum) {
  const float sink = a.head0 + int32_t(head) < a.p.op.n_head ? a.p.op.sink[a.head0 + head] : 0.0f;
  return sum == 0.0f ? 0.0f : __frcp_rn(sum + ptx::ex2(anchor::product(sink, anchor::LOG2_E) - m));
}

// o = bf16(O / L), through the memory of the first stage
template <class A>
__device__ __forceinline__ void store(const A& a, float m, float L) {
  const uint32_t head = threadIdx.x % HEADS, half = threadIdx.x / HEADS;
  const float by = inverse(a, head, m, L);
  const int64_t row = int64_t(a.tok) * a.p.op.n_head + a.head0 + head;
  const bool inside = a.head0 + int32_t(head) < a.p.op.n_head;
  for (uint32_t c = 0; c < O_COLUMNS; c += 32) {
    const uint32_t channel = c / 128 * O_STEP + half * 128 + c % 128;
    uint32_t v[32];
    ptx::tmem_load_32x32b_x32(v, a.sh.tmem + c + (a.warp * 32 << 16));
    ptx::tmem_load_wait();
#pragma unroll
    for (int u = 0; u < 4; ++u) {
      float o[8];
#pragma unroll
      for (int k = 0; k < 8; ++k) o[k] = __uint_as_float(v[8 * u + k]) * by;
      const uint4 v8 = a.out.template pass<true>(row, channel + 8 * u, round_bf16x8(o), inside);
      *swizzled(a.keys(0) + channel / ATOM * ATOM_BYTES, head, channel % ATOM / 8 + u) = v8;
    }
  }
  ptx::fence_proxy_async();
  ptx::named_barrier(3, 32 * N_SOFTMAX);
  if (threadIdx.x == 0) {
    for (uint32_t n = 0; n < N_ATOM; ++n) ptx::tma_store_3d(&a.to, ptx::shared(a.keys(0) + n * ATOM_BYTES), n * ATOM, a.head0, a.tok);
    ptx::tma_store_read_wait();
  }
}

// What this CTA's keys give, for the cluster
template <class A>
__device__ __forceinline__ void leave(const A& a, float m, float L) {
  const uint32_t head = threadIdx.x % HEADS, half = threadIdx.x / HEADS;
  if (half == 0) a.sh.m[head] = m, a.sh.L[head] = L;
  for (uint32_t c = 0; c < O_COLUMNS; c += 32) {
    const uint32_t channel = c / 128 * O_STEP + half * 128 + c % 128;
    uint32_t v[32];
    ptx::tmem_load_32x32b_x32(v, a.sh.tmem + c + (a.warp * 32 << 16));
    ptx::tmem_load_wait();
#pragma unroll
    for (int u = 0; u < 8; ++u)
      *partial(a.stages, head, channel / 4 + u) = {__uint_as_float(v[4 * u]), __uint_as_float(v[4 * u + 1]), __uint_as_float(v[4 * u + 2]),
                                                   __uint_as_float(v[4 * u + 3])};
  }
}

// O and L of rank 0, rank 1, ... brought to one m and added in this order; each CTA does its share of the heads and channels.
template <class A>
__device__ __forceinline__ void combine(const A& a) {
  if (threadIdx.x < HEADS) {
    const uint32_t head = threadIdx.x;
    float m = anchor::LOWEST, L = 0.0f;
    for (uint32_t r = 0; r < a.split; ++r) m = fmaxf(m, ptx::load_cluster_f32(ptx::mapa(ptx::shared(&a.sh.m[head]), r)));
    for (uint32_t r = 0; r < a.split; ++r) {
      const float factor = anchor::power(ptx::load_cluster_f32(ptx::mapa(ptx::shared(&a.sh.m[head]), r)) - m);
      a.sh.factor[r][head] = factor;
      L += ptx::load_cluster_f32(ptx::mapa(ptx::shared(&a.sh.L[head]), r)) * factor;
    }
    a.sh.inverse[head] = inverse(a, head, m, L);
  }
  __syncthreads();
  const int32_t heads = min(int32_t(HEADS), a.p.op.n_head - a.head0);
  constexpr uint32_t UNITS = Plan::CHANNELS / 8;
  for (uint32_t e = a.rank * A::THREADS + threadIdx.x; e < heads * UNITS; e += a.split * A::THREADS) {
    const uint32_t head = e / UNITS, u = e % UNITS;
    float o[8] = {};
    for (uint32_t r = 0; r < a.split; ++r) {
      const float factor = a.sh.factor[r][head];
#pragma unroll
      for (int x = 0; x < 2; ++x) {
        const float4 v = ptx::load_cluster_f32x4(ptx::mapa(ptx::shared(partial(a.stages, head, 2 * u + x)), r));
        o[4 * x] += v.x * factor, o[4 * x + 1] += v.y * factor, o[4 * x + 2] += v.z * factor, o[4 * x + 3] += v.w * factor;
      }
    }
#pragma unroll
    for (int k = 0; k < 8; ++k) o[k] *= a.sh.inverse[head];
    a.out.template store<true>(int64_t(a.tok) * a.p.op.n_head + a.head0 + head, 8 * u, round_bf16x8(o));
  }
}

}  // namespace umma_attention
