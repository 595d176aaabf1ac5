// Attention to the pool rows of a key list on tcgen05, heads of 512 channels: one CTA a token and 64 heads, in tiles of 64 keys; where CTAs
// are few a cluster shares the list.
//
//   warp 4     gather: a tile's keys by index, four rows a copy
//   warp 5     S[head][key] = q kT
//   warp 6     O[head][channel] += P v: the same keys, read transposed
//   warps 0-3  softmax, in their own lanes of S and O; epilogue
//
// P goes through shared memory: a lane has half of the keys of a head, and a P in tensor memory would have to hold all of them in both
// halves of the lanes, which only shared memory can bring about. S and O have a warp each, so that O of a tile does not wait for the keys
// of the next.
#pragma once
#include "kernels/common/anchor.cuh"
#include "kernels/common/attention_out.cuh"
#include "kernels/common/plan.h"
#include "kernels/common/umma.cuh"
#include "kernels/common/vec.cuh"
#include "kernels/ptx/approx.cuh"
#include "kernels/ptx/barrier.cuh"
#include "kernels/ptx/cluster.cuh"
#include "kernels/ptx/tma.cuh"

namespace umma_attention {

using Plan = plan::Attention;
constexpr uint32_t N_SOFTMAX = 4, GATHER = 4, SCORE = 5, VALUE = 6, THREADS = 32 * 7;
constexpr uint32_t STAGES = Plan::STAGES, HEADS = Plan::HEADS, KEYS = Plan::KEYS;
static_assert(HEADS == 64 && KEYS == 64, "lanes 0-63 and 64-127 hold halves of a tile's keys, of the same heads");
static_assert(STAGES == 2, "the tile before is in the other stage");
static_assert(STAGES * Plan::ROWS_BYTES == HEADS * Plan::CHANNELS * sizeof(float), "in the end O of a cluster's CTA fills the stages");
constexpr uint32_t ATOM = 64;  // channels side by side in an operand: 128 bytes
constexpr uint32_t N_ATOM = Plan::CHANNELS / ATOM;
constexpr uint32_t ATOM_BYTES = 64 * umma::SWIZZLE_BYTES;  // these channels of 64 heads or keys
constexpr uint32_t GATHER_ROWS = 4, GROUPS = KEYS / GATHER_ROWS;

// Tensor memory: O, 256 channels in 128 columns of all lanes, twice; then S, 64 keys in 32 columns, one a stage.
constexpr uint32_t O_COLUMNS = Plan::CHANNELS / 2, O_STEP = 256, S_COLUMNS = KEYS / 2, COLUMNS = 512;
static_assert(O_COLUMNS + STAGES * S_COLUMNS <= COLUMNS, "O and the scores of all stages fit into tensor memory");

struct Shared {
  // `done`: O of the stage's tile is complete, so its keys and P may be overwritten
  uint64_t q_full, k_full[STAGES], s_full[STAGES], p_full[STAGES], done[STAGES];
  uint32_t tmem;
  float halves[2][128];      // what the threads of a head tell each other
  float m[HEADS], L[HEADS];  // of this CTA's keys
  float factor[plan::MAX_SPLIT][HEADS], inverse[HEADS];
};
static_assert(sizeof(Shared) + Plan::SMEM_BYTES <= plan::SMEM, "one CTA fits into a multiprocessor");

// 16-byte unit `u` of a row of 64 bf16, as TMA and the tensor core swizzle it; `at` is on 1024 bytes.
__device__ __forceinline__ uint4* swizzled(uint8_t* at, uint32_t row, uint32_t u) {
  return reinterpret_cast<uint4*>(at + row * umma::SWIZZLE_BYTES + (u ^ row % 8) * 16);
}
// Four channels from 4 u on of a row of 512 f32; threads of neighbouring rows meet in different banks.
__device__ __forceinline__ float4* partial(uint8_t* at, uint32_t row, uint32_t u) {
  return reinterpret_cast<float4*>(at) + row * (Plan::CHANNELS / 4) + (u ^ row % 8);
}

// Params: a variant's parameters, with the names of sparse_attention's but for the map `to` of the output. Out: attention_out.cuh.
template <class Params, class Out>
struct Attention {
  const Params& p;
  const TensorMap& to;
  const Out& out;
  Shared& sh;
  uint8_t *const q, *const stages;
  const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const uint32_t rank = ptx::cluster_ctarank(), split = ptx::cluster_nctarank();
  const int32_t tok = blockIdx.x / split, head0 = blockIdx.y * HEADS;
  const int32_t tiles = Plan(p.op.n_tok, p.op.n_head, p.op.n_key).n_tile;
  const int32_t first = tiles * rank / split, last = tiles * (rank + 1) / split;

  __device__ __forceinline__ uint8_t* keys(uint32_t stage) const { return stages + stage * Plan::ROWS_BYTES; }
  __device__ __forceinline__ uint8_t* weights(uint32_t stage) const {
    return stages + STAGES * Plan::ROWS_BYTES + stage * Plan::P_BYTES;
  }
  __device__ __forceinline__ uint32_t scores(uint32_t stage) const { return sh.tmem + O_COLUMNS + stage * S_COLUMNS; }
  // The pool row of slot j, -1 for none.
  __device__ __forceinline__ int32_t row_of(int32_t j) const {
    return j < p.op.n_key ? p.op.idx[int64_t(tok) * p.op.n_key + j] : -1;
  }

  // Four rows a group of lanes 0-15 and 16-31, which take half of the channels each. A row outside of the pool arrives as zeros.
  __device__ __forceinline__ void gather() const {
    const uint32_t group = lane % GROUPS, half = lane / GROUPS;
    if (lane == 0) {
      ptx::mbarrier_arrive_expect_tx(&sh.q_full, Plan::ROWS_BYTES);
      for (uint32_t a = 0; a < N_ATOM; ++a)
        ptx::tma_load_3d(ptx::shared(q + a * ATOM_BYTES), &p.q_map, &sh.q_full, a * ATOM, head0, tok);
    }
    ptx::Ring ring;
    for (int32_t i = first; i < last; ++i, ring.next(STAGES)) {
      const int32_t j = i * KEYS + group * GATHER_ROWS;
      const int4 rows = {row_of(j), row_of(j + 1), row_of(j + 2), row_of(j + 3)};
      uint64_t* full = &sh.k_full[ring.stage];
      const uint32_t at = ptx::shared(keys(ring.stage)) + group * GATHER_ROWS * umma::SWIZZLE_BYTES;
      ptx::mbarrier_wait(&sh.done[ring.stage], ring.parity ^ 1);
      if (lane == 0) ptx::mbarrier_arrive_expect_tx(full, Plan::ROWS_BYTES);
      __syncwarp();
      for (uint32_t a = half * N_ATOM / 2; a < (half + 1) * N_ATOM / 2; ++a)
        ptx::tma_gather4(at + a * ATOM_BYTES, &p.kv_map, full, a * ATOM, rows);
    }
  }

  // S = q kT
  __device__ __forceinline__ void score() const {
    const uint32_t at_q = ptx::shared(q);
    ptx::Ring ring;
    ptx::mbarrier_wait(&sh.q_full, 0);
    for (int32_t i = first; i < last; ++i, ring.next(STAGES)) {
      const uint32_t at_k = ptx::shared(keys(ring.stage));
      ptx::mbarrier_wait(&sh.k_full[ring.stage], ring.parity);
      ptx::tcgen05_fence_after();
      for (uint32_t a = 0; a < N_ATOM; ++a)
#pragma unroll
        for (uint32_t b = 0; b < umma::SWIZZLE_BYTES; b += 32)
          ptx::mma_ws_f16(scores(ring.stage), umma::k_major(at_q + a * ATOM_BYTES + b), umma::k_major(at_k + a * ATOM_BYTES + b),
                          umma::idesc_bf16(KEYS, HEADS), a > 0 || b > 0);
      ptx::tcgen05_commit(&sh.s_full[ring.stage]);
    }
  }

  // O += P v
  __device__ __forceinline__ void value() const {
    ptx::Ring ring;
    for (int32_t i = first; i < last; ++i, ring.next(STAGES)) {
      const uint32_t at_P = ptx::shared(weights(ring.stage)), at_v = ptx::shared(keys(ring.stage));
      ptx::mbarrier_wait(&sh.p_full[ring.stage], ring.parity);
      ptx::tcgen05_fence_after();
#pragma unroll
      for (uint32_t c = 0; c < Plan::CHANNELS; c += O_STEP)
#pragma unroll
        for (uint32_t k = 0; k < KEYS; k += 16)
          ptx::mma_ws_f16(sh.tmem + c / 2, umma::k_major(at_P + 2 * k),
                          umma::mn_major(at_v + c / ATOM * ATOM_BYTES + k * umma::SWIZZLE_BYTES, ATOM_BYTES),
                          umma::idesc_bf16(O_STEP, HEADS) | umma::B_MN_MAJOR, i > first || k > 0);
      ptx::tcgen05_commit(&sh.done[ring.stage]);
    }
  }

  // O *= factor, a power of two, in this warp's lanes
  __device__ __forceinline__ void rescale(uint32_t own, float factor) const {
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
  __device__ __forceinline__ void softmax(float& m, float& L) const {
    const uint32_t head = threadIdx.x % HEADS, half = threadIdx.x / HEADS;
    const uint32_t lanes = warp * 32 << 16;
    const float to_log2 = p.op.scale * anchor::LOG2_E;
    ptx::Ring ring;
    m = anchor::LOWEST, L = 0.0f;
    for (int32_t i = first; i < last; ++i, ring.next(STAGES)) {
      const uint32_t listed = __ballot_sync(~0u, row_of(i * KEYS + half * 32 + lane) >= 0);
      ptx::mbarrier_wait(&sh.s_full[ring.stage], ring.parity);
      ptx::tcgen05_fence_after();
      uint32_t s[32];
      ptx::tmem_load_32x32b_x32(s, scores(ring.stage) + lanes);
      ptx::tmem_load_wait();

      // t = (q . k) * scale * log2(e); m = ceil(max t) over all keys so far
      float t[32], most = anchor::NEG_INF;
#pragma unroll
      for (int k = 0; k < 32; ++k) {
        t[k] = listed >> k & 1 ? anchor::product(__uint_as_float(s[k]), to_log2) : anchor::NEG_INF;
        most = fmaxf(most, t[k]);
      }
      float* halves = sh.halves[ring.stage];
      halves[threadIdx.x] = most;
      ptx::named_barrier(1 + warp % 2, 64);  // with the warp that has the other keys
      const float before = m;
      m = fmaxf(m, anchor::of(fmaxf(most, halves[threadIdx.x ^ HEADS])));
      const float factor = anchor::power(before - m);
      if (i > first && __any_sync(~0u, m > before)) {
        // O of the tile before is the last that was added
        ptx::mbarrier_wait(&sh.done[ring.stage ^ 1], ring.parity ^ ring.stage ^ 1);
        ptx::tcgen05_fence_after();
        rescale(sh.tmem + lanes, factor);
      }
      ptx::tcgen05_fence_before();

      // P = 2^(t - m), in bf16 for the product; sum P keeps the unrounded one
      ptx::mbarrier_wait(&sh.done[ring.stage], ring.parity ^ 1);
      float sum = 0.0f;
#pragma unroll
      for (int u = 0; u < 4; ++u) {
        float P[8];
#pragma unroll
        for (int k = 0; k < 8; ++k) P[k] = ptx::ex2(t[8 * u + k] - m);
        *swizzled(weights(ring.stage), head, 4 * half + u) = round_bf16x8(P);
        sum += ((P[0] + P[1]) + (P[2] + P[3])) + ((P[4] + P[5]) + (P[6] + P[7]));
      }
      L = L * factor + sum;
      ptx::fence_proxy_async();
      __syncwarp();
      if (lane == 0) ptx::mbarrier_arrive(&sh.p_full[ring.stage]);
    }
    const uint32_t n = last - first - 1;
    ptx::mbarrier_wait(&sh.done[n % STAGES], n / STAGES % 2);
    ptx::tcgen05_fence_after();
    sh.halves[(n + 1) % 2][threadIdx.x] = L;
    ptx::named_barrier(1 + warp % 2, 64);
    L += sh.halves[(n + 1) % 2][threadIdx.x ^ HEADS];
  }

  // 1 / (sum P + 2^(sink * log2(e) - m)); the largest P is above 1/2, so a sum of 0 means no key
  __device__ __forceinline__ float inverse(uint32_t head, float m, float sum) const {
    const float sink = head0 + int32_t(head) < p.op.n_head ? p.op.sink[head0 + head] : 0.0f;
    return sum == 0.0f ? 0.0f : __frcp_rn(sum + ptx::ex2(anchor::product(sink, anchor::LOG2_E) - m));
  }

  // o = bf16(O / L), through the memory of the first stage
  __device__ __forceinline__ void store(float m, float L) const {
    const uint32_t head = threadIdx.x % HEADS, half = threadIdx.x / HEADS;
    const float by = inverse(head, m, L);
    const int64_t row = int64_t(tok) * p.op.n_head + head0 + head;
    const bool inside = head0 + int32_t(head) < p.op.n_head;
    for (uint32_t c = 0; c < O_COLUMNS; c += 32) {
      const uint32_t channel = c / 128 * O_STEP + half * 128 + c % 128;
      uint32_t v[32];
      ptx::tmem_load_32x32b_x32(v, sh.tmem + c + (warp * 32 << 16));
      ptx::tmem_load_wait();
#pragma unroll
      for (int u = 0; u < 4; ++u) {
        float o[8];
#pragma unroll
        for (int k = 0; k < 8; ++k) o[k] = __uint_as_float(v[8 * u + k]) * by;
        const uint4 v8 = out.template pass<true>(row, channel + 8 * u, round_bf16x8(o), inside);
        *swizzled(keys(0) + channel / ATOM * ATOM_BYTES, head, channel % ATOM / 8 + u) = v8;
      }
    }
    ptx::fence_proxy_async();
    ptx::named_barrier(3, 32 * N_SOFTMAX);
    if (threadIdx.x == 0) {
      for (uint32_t a = 0; a < N_ATOM; ++a) ptx::tma_store_3d(&to, ptx::shared(keys(0) + a * ATOM_BYTES), a * ATOM, head0, tok);
      ptx::tma_store_read_wait();
    }
  }

  // What this CTA's keys give, for the cluster
  __device__ __forceinline__ void leave(float m, float L) const {
    const uint32_t head = threadIdx.x % HEADS, half = threadIdx.x / HEADS;
    if (half == 0) sh.m[head] = m, sh.L[head] = L;
    for (uint32_t c = 0; c < O_COLUMNS; c += 32) {
      const uint32_t channel = c / 128 * O_STEP + half * 128 + c % 128;
      uint32_t v[32];
      ptx::tmem_load_32x32b_x32(v, sh.tmem + c + (warp * 32 << 16));
      ptx::tmem_load_wait();
#pragma unroll
      for (int u = 0; u < 8; ++u)
        *partial(stages, head, channel / 4 + u) = {__uint_as_float(v[4 * u]), __uint_as_float(v[4 * u + 1]), __uint_as_float(v[4 * u + 2]),
                                                   __uint_as_float(v[4 * u + 3])};
    }
  }

  // O and L of rank 0, rank 1, ... brought to one m and added in this order; each CTA does its share of the heads and channels.
  __device__ __forceinline__ void combine() const {
    if (threadIdx.x < HEADS) {
      const uint32_t head = threadIdx.x;
      float m = anchor::LOWEST, L = 0.0f;
      for (uint32_t r = 0; r < split; ++r) m = fmaxf(m, ptx::load_cluster_f32(ptx::mapa(ptx::shared(&sh.m[head]), r)));
      for (uint32_t r = 0; r < split; ++r) {
        const float factor = anchor::power(ptx::load_cluster_f32(ptx::mapa(ptx::shared(&sh.m[head]), r)) - m);
        sh.factor[r][head] = factor;
        L += ptx::load_cluster_f32(ptx::mapa(ptx::shared(&sh.L[head]), r)) * factor;
      }
      sh.inverse[head] = inverse(head, m, L);
    }
    __syncthreads();
    const int32_t heads = min(int32_t(HEADS), p.op.n_head - head0);
    constexpr uint32_t UNITS = Plan::CHANNELS / 8;
    for (uint32_t e = rank * THREADS + threadIdx.x; e < heads * UNITS; e += split * THREADS) {
      const uint32_t head = e / UNITS, u = e % UNITS;
      float o[8] = {};
      for (uint32_t r = 0; r < split; ++r) {
        const float factor = sh.factor[r][head];
#pragma unroll
        for (int x = 0; x < 2; ++x) {
          const float4 v = ptx::load_cluster_f32x4(ptx::mapa(ptx::shared(partial(stages, head, 2 * u + x)), r));
          o[4 * x] += v.x * factor, o[4 * x + 1] += v.y * factor, o[4 * x + 2] += v.z * factor, o[4 * x + 3] += v.w * factor;
        }
      }
#pragma unroll
      for (int k = 0; k < 8; ++k) o[k] *= sh.inverse[head];
      out.template store<true>(int64_t(tok) * p.op.n_head + head0 + head, 8 * u, round_bf16x8(o));
    }
  }

  __device__ __forceinline__ void run() {
    out.begin(tok);
    if (threadIdx.x == 0) {
      ptx::mbarrier_init(&sh.q_full, 1);
      for (uint32_t s = 0; s < STAGES; ++s) {
        ptx::mbarrier_init(&sh.k_full[s], 1);
        ptx::mbarrier_init(&sh.s_full[s], 1);
        ptx::mbarrier_init(&sh.p_full[s], N_SOFTMAX);
        ptx::mbarrier_init(&sh.done[s], 1);
      }
      ptx::fence_mbarrier_init();
      ptx::prefetch_map(&p.q_map);
      ptx::prefetch_map(&p.kv_map);
      ptx::prefetch_map(&to);
    }
    if (warp == SCORE) ptx::tmem_alloc(&sh.tmem, COLUMNS);
    ptx::tcgen05_fence_before();
    __syncthreads();
    ptx::tcgen05_fence_after();

    if (warp == GATHER) {
      gather();
    } else if (warp == SCORE) {
      if (ptx::elect_one()) score();
    } else if (warp == VALUE) {
      if (ptx::elect_one()) value();
    } else {
      float m, L;
      softmax(m, L);
      if (split == 1)
        store(m, L);
      else
        leave(m, L);
    }
    __syncwarp();
    if (split > 1) {
      ptx::cluster_sync();
      combine();
      ptx::cluster_sync();  // a CTA's parts are there until all have read them
    }
    ptx::tcgen05_fence_before();
    __syncthreads();
    ptx::tcgen05_fence_after();
    if (warp == SCORE) ptx::tmem_dealloc(sh.tmem, COLUMNS);
  }
};

// `dynamic` is the launch's shared memory; `to` maps the tensor that `out` gives.
template <class Params, class Out>
__device__ __forceinline__ void run(const Params& p, const TensorMap& to, const Out& out, Shared& sh, uint8_t* dynamic) {
  uint8_t* const q = dynamic + (1024 - ptx::shared(dynamic) % 1024) % 1024;
  Attention<Params, Out>{p, to, out, sh, q, q + Plan::ROWS_BYTES}.run();
}

}  // namespace umma_attention
