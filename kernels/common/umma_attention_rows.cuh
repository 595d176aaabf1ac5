// Keys of umma_attention.cuh that are rows of a bf16 pool: TMA gathers them, four rows a copy.
#pragma once
#include "kernels/common/umma_attention.cuh"

namespace umma_attention {

constexpr uint32_t GATHER_ROWS = 4;

// Lanes with four rows of this CTA's keys each take a share of the atoms. A row outside of the pool arrives as zeros.
template <int32_t CTAS, class A>
__device__ __forceinline__ void gather_own(const A& a, uint64_t (&full)[STAGES]) {
  using Tile = Stage<CTAS>;
  constexpr uint32_t GROUPS = Tile::OWN_KEYS / GATHER_ROWS, ATOMS = N_ATOM * GROUPS / 32;
  if (a.lane == 0) ptx::prefetch_map(&a.p.kv_map);
  const uint32_t group = a.lane % GROUPS, share = a.lane / GROUPS;
  ptx::Ring ring;
  for (int32_t i = a.first; i < a.last; ++i, ring.next(STAGES)) {
    const int32_t j = i * KEYS + a.side * Tile::OWN_KEYS + group * GATHER_ROWS;
    const int4 rows = {a.row_of(j), a.row_of(j + 1), a.row_of(j + 2), a.row_of(j + 3)};
    const uint32_t at = ptx::shared(a.keys(ring.stage)) + group * GATHER_ROWS * umma::SWIZZLE_BYTES;
    A::Cta::wait(&a.sh.done[ring.stage], ring.parity ^ 1);
    if (a.lane == 0) ptx::mbarrier_arrive_expect_tx(&full[ring.stage], N_ATOM * Tile::KEY_ATOM_BYTES);
    __syncwarp();
    for (uint32_t n = share * ATOMS; n < (share + 1) * ATOMS; ++n)
      ptx::tma_gather4(at + n * Tile::KEY_ATOM_BYTES, &a.p.kv_map, &full[ring.stage], n * ATOM, rows);
  }
}

template <int32_t CTAS>
struct Rows;

template <>
struct Rows<1> {
  static constexpr int32_t CTAS = 1;
  static constexpr uint32_t WARPS = 1, ARRIVALS = 1, VALUE_ARRIVALS = 0;

  template <class A>
  __device__ __forceinline__ static void gather(const A& a, uint32_t) {
    gather_own<CTAS>(a, a.sh.k_full);
  }
};

// Each CTA of a pair gathers its half of a tile's keys, whole. Values are made of them by copies inside the cluster: a gather, multicast or
// not, takes a row to one offset, and a row lies at two, of which one may be in the other CTA. A copy tells a barrier of the CTA that it
// goes to, from where a warp tells the leader.
template <>
struct Rows<plan::PAIR> {
  static constexpr int32_t CTAS = plan::PAIR;
  static constexpr uint32_t WARPS = 3, ARRIVALS = 1, VALUE_ARRIVALS = 1;
  using Tile = Stage<CTAS>;

  template <class A>
  __device__ __forceinline__ static void gather(const A& a, uint32_t part) {
    if (part == 0)
      gather_own<CTAS>(a, a.sh.gathered);
    else if (ptx::elect_one())
      part == 1 ? share(a) : tell(a);
  }

  template <class A>
  __device__ __forceinline__ static void share(const A& a) {
    ptx::Ring ring;
    for (int32_t i = a.first; i < a.last; ++i, ring.next(STAGES)) {
      const uint32_t from = ptx::shared(a.keys(ring.stage)), full = ptx::shared(&a.sh.v_full[ring.stage]);
      const uint32_t to = ptx::shared(a.values(ring.stage)) + a.side * Tile::KEY_ATOM_BYTES;
      ptx::mbarrier_wait(&a.sh.gathered[ring.stage], ring.parity);
      A::Cta::arrive(&a.sh.k_full[ring.stage]);
      ptx::mbarrier_arrive_expect_tx(&a.sh.v_full[ring.stage], Tile::VALUE_BYTES);
#pragma unroll
      for (uint32_t n = 0; n < N_ATOM; ++n) {
        const uint32_t cta = Tile::owner(n * ATOM);
        ptx::copy_cluster(ptx::mapa(to + Tile::atom(n * ATOM) * ATOM_BYTES, cta), from + n * Tile::KEY_ATOM_BYTES, Tile::KEY_ATOM_BYTES,
                          ptx::mapa(full, cta));
      }
    }
  }

  template <class A>
  __device__ __forceinline__ static void tell(const A& a) {
    ptx::Ring ring;
    for (int32_t i = a.first; i < a.last; ++i, ring.next(STAGES)) {
      A::Cta::wait(&a.sh.v_full[ring.stage], ring.parity);
      A::Cta::arrive(&a.sh.p_full[ring.stage]);
    }
  }
};

}  // namespace umma_attention
