// Attention to the pool rows of a key list on tcgen05, heads of 512 channels: one CTA a token and 64 heads, or a pair of CTAs a token and
// 128 heads, in tiles of 64 keys; where CTAs are few a cluster shares the list.
//
//   warps 6-   a tile's keys by index (umma_attention_rows.cuh, umma_attention_pages.cuh)
//   warp 4     S[head][key] = q kT
//   warp 5     O[head][channel] += P v: the same keys, read transposed
//   warps 0-3  softmax, in their own lanes of S and O; epilogue
//
// A pair multiplies as one CTA does, but that both supply operands: a key is loaded, and unpacked, once for 128 heads. An instruction of a
// pair with M = 128 leaves 64 rows in each CTA, halves of N in lanes 0-63 and 64-127, where .ws leaves them in one CTA (PTX ISA
// #tcgen05-data-path-layout-b, -e): what is behind the products is the same, and so are the bits.
//
// P goes through shared memory: a lane has half of the keys of a head, and a P in tensor memory would have to hold all of them in both
// halves of the lanes, in either layout, which only shared memory can bring about. S and O have a warp each, so that O of a tile does not
// wait for the keys of the next.
#pragma once
#include "kernels/common/umma_attention_out.cuh"
#include "kernels/common/umma_attention_softmax.cuh"
#include "kernels/common/umma_attention_stage.cuh"
#include "kernels/common/umma_ctas.cuh"

namespace umma_attention {

// D (+)= A B, of 64 rows in each CTA.
template <int32_t CTAS>
__device__ __forceinline__ void mma(uint32_t d, uint64_t a, uint64_t b, uint32_t N, uint32_t more, bool accumulate) {
  const uint32_t idesc = umma::idesc_bf16(N, CTAS * HEADS) | more;
  if constexpr (CTAS > 1)
    ptx::mma_f16<CTAS>(d, a, b, idesc, accumulate);
  else
    ptx::mma_ws_f16(d, a, b, idesc, accumulate);
}

// Keys: WARPS that load keys, ARRIVALS at k_full for a tile's, and VALUE_ARRIVALS at p_full where values come later, of each CTA; gather()
// of one of the warps. Params: a variant's parameters, with the names of sparse_attention's but for those of the keys and for the map `to`
// of the output. Out: attention_out.cuh.
template <class Keys, class Params, class Out>
struct Attention {
  static constexpr int32_t CTAS = Keys::CTAS;
  static constexpr uint32_t THREADS = threads<Keys>;
  using Cta = umma_linear::Ctas<CTAS>;
  using Tile = Stage<CTAS>;
  const Params& p;
  const TensorMap& to;
  const Out& out;
  Shared& sh;
  uint8_t *const q, *const stages;
  const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  // of those that share a list
  const uint32_t rank = CTAS > 1 ? 0 : ptx::cluster_ctarank(), split = CTAS > 1 ? 1 : ptx::cluster_nctarank();
  const uint32_t side = Cta::side();
  const int32_t tok = blockIdx.x / (CTAS * split), head0 = (blockIdx.y * CTAS + side) * HEADS;
  const int32_t tiles = Plan(p.op.n_tok, p.op.n_head, p.op.n_key).n_tile;
  const int32_t first = tiles * rank / split, last = tiles * (rank + 1) / split;

  __device__ __forceinline__ uint8_t* keys(uint32_t stage) const { return stages + stage * Plan::ROWS_BYTES; }
  __device__ __forceinline__ uint8_t* values(uint32_t stage) const { return keys(stage) + Tile::VALUES; }
  __device__ __forceinline__ uint8_t* weights(uint32_t stage) const {
    return stages + STAGES * Plan::ROWS_BYTES + stage * Plan::P_BYTES;
  }
  __device__ __forceinline__ uint32_t scores(uint32_t stage) const { return sh.tmem + O_COLUMNS + stage * S_COLUMNS; }
  // What the list has at j, -1 for nothing.
  __device__ __forceinline__ int32_t row_of(int32_t j) const {
    return j < p.op.n_key ? p.op.idx[int64_t(tok) * p.op.n_key + j] : -1;
  }

  __device__ __forceinline__ void load_query() const {
    if (side == 0) ptx::mbarrier_arrive_expect_tx(&sh.q_full, CTAS * Plan::ROWS_BYTES);
    for (uint32_t a = 0; a < N_ATOM; ++a) Cta::load_3d(ptx::shared(q + a * ATOM_BYTES), &p.q_map, &sh.q_full, a * ATOM, head0, tok);
  }

  // S = q kT
  __device__ __forceinline__ void score() const {
    const uint32_t at_q = ptx::shared(q);
    ptx::Ring ring;
    Cta::wait(&sh.q_full, 0);
    for (int32_t i = first; i < last; ++i, ring.next(STAGES)) {
      const uint32_t at_k = ptx::shared(keys(ring.stage));
      Cta::wait(&sh.k_full[ring.stage], ring.parity);
      ptx::tcgen05_fence_after();
      for (uint32_t a = 0; a < N_ATOM; ++a)
#pragma unroll
        for (uint32_t b = 0; b < umma::SWIZZLE_BYTES; b += 32)
          mma<CTAS>(scores(ring.stage), umma::k_major(at_q + a * ATOM_BYTES + b), umma::k_major(at_k + a * Tile::KEY_ATOM_BYTES + b), KEYS,
                    0, a > 0 || b > 0);
      Cta::commit(&sh.s_full[ring.stage]);
    }
  }

  // O += P v
  __device__ __forceinline__ void value() const {
    ptx::Ring ring;
    for (int32_t i = first; i < last; ++i, ring.next(STAGES)) {
      const uint32_t at_P = ptx::shared(weights(ring.stage)), at_v = ptx::shared(values(ring.stage));
      Cta::wait(&sh.p_full[ring.stage], ring.parity);
      ptx::tcgen05_fence_after();
#pragma unroll
      for (uint32_t c = 0; c < Plan::CHANNELS; c += O_STEP)
#pragma unroll
        for (uint32_t k = 0; k < KEYS; k += 16)
          mma<CTAS>(sh.tmem + c / 2, umma::k_major(at_P + 2 * k),
                    umma::mn_major(at_v + c / (CTAS * ATOM) * ATOM_BYTES + k * umma::SWIZZLE_BYTES, ATOM_BYTES), O_STEP, umma::B_MN_MAJOR,
                    i > first || k > 0);
      Cta::commit(&sh.done[ring.stage]);
    }
  }

  __device__ __forceinline__ void run() {
    out.begin(tok);
    if (threadIdx.x == 0) {
      ptx::mbarrier_init(&sh.q_full, 1);
      for (uint32_t s = 0; s < STAGES; ++s) {
        ptx::mbarrier_init(&sh.k_full[s], CTAS * Keys::ARRIVALS);
        ptx::mbarrier_init(&sh.s_full[s], 1);
        ptx::mbarrier_init(&sh.p_full[s], CTAS * (N_SOFTMAX + Keys::VALUE_ARRIVALS));
        ptx::mbarrier_init(&sh.done[s], 1);
        ptx::mbarrier_init(&sh.gathered[s], 1);
        ptx::mbarrier_init(&sh.v_full[s], 1);
      }
      ptx::fence_mbarrier_init();
      ptx::prefetch_map(&p.q_map);
      ptx::prefetch_map(&to);
    }
    if (warp == SCORE) ptx::tmem_alloc<CTAS>(&sh.tmem, COLUMNS);
    ptx::tcgen05_fence_before();
    Cta::sync();
    ptx::tcgen05_fence_after();
    const bool leads = side == 0;

    if (warp >= GATHER) {
      if (threadIdx.x == 32 * GATHER) load_query();
      Keys::gather(*this, warp - GATHER);
    } else if (warp == SCORE) {
      if (leads && ptx::elect_one()) score();
    } else if (warp == VALUE) {
      if (leads && ptx::elect_one()) value();
    } else {
      float m, L;
      softmax(*this, m, L);
      if (split == 1)
        store(*this, m, L);
      else
        leave(*this, m, L);
    }
    __syncwarp();
    if (split > 1) {
      ptx::cluster_sync();
      combine(*this);
      ptx::cluster_sync();  // a CTA's parts are there until all have read them
    }
    ptx::tcgen05_fence_before();
    Cta::sync();
    ptx::tcgen05_fence_after();
    if (warp == SCORE) ptx::tmem_dealloc<CTAS>(sh.tmem, COLUMNS);
  }
};

// `dynamic` is the launch's shared memory; `to` maps the tensor that `out` gives.
template <class Keys, class Params, class Out>
__device__ __forceinline__ void run(const Params& p, const TensorMap& to, const Out& out, Shared& sh, uint8_t* dynamic) {
  uint8_t* const q = dynamic + (1024 - ptx::shared(dynamic) % 1024) % 1024;
  Attention<Keys, Params, Out>{p, to, out, sh, q, q + Plan::ROWS_BYTES}.run();
}

}  // namespace umma_attention
