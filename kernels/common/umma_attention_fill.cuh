// Keys of umma_attention.cuh that threads write: four warps read rows and leave them as bf16 where TMA would have put them. Of a pair each
// CTA does so with its half of a tile's keys, whole as keys, and as values in both CTAs the channels that each multiplies.
//
// A warp has 16 rows of a tile, of a pair 8; a lane eight channels of each half of a row: 32 neighbouring units of a row are one load, and
// eight of them fill a row of the swizzle atom without a conflict. All of a tile's loads are on their way before the stage is free.
#pragma once
#include "kernels/common/umma_attention_stage.cuh"
#include "kernels/common/umma_ctas.cuh"
#include "kernels/ptx/cluster.cuh"
#include "kernels/ptx/tma.cuh"

namespace umma_attention {

// Where the rows of a tile go; `first` is the first channel that a lane has of either half.
template <int32_t CTAS>
struct Target;

template <>
struct Target<1> {
  uint8_t* const keys;
  template <class A>
  __device__ __forceinline__ Target(const A& a, uint32_t stage, uint32_t) : keys(a.keys(stage)) {}
  // Eight channels from c on of this CTA's row.
  __device__ __forceinline__ void put(uint32_t row, uint32_t c, uint4 v) const {
    *swizzled(keys + c / ATOM * ATOM_BYTES, row, c % ATOM / 8) = v;
  }
  __device__ __forceinline__ static void fence() { ptx::fence_proxy_async(); }
};

template <>
struct Target<plan::PAIR> {
  using Tile = Stage<plan::PAIR>;
  static_assert(O_STEP == Plan::CHANNELS / 2, "the CTA that multiplies a lane's channels of one half has those of the other");
  uint8_t* const keys;
  const uint32_t values, own;  // values are in the CTA that multiplies them
  template <class A>
  __device__ __forceinline__ Target(const A& a, uint32_t stage, uint32_t first)
      : keys(a.keys(stage)),
        values(ptx::mapa(ptx::shared(a.values(stage)), first / Tile::OWN_CHANNELS)),
        own(a.side * Tile::OWN_KEYS) {}
  __device__ __forceinline__ void put(uint32_t row, uint32_t c, uint4 v) const {
    const uint32_t u = c % ATOM / 8, atom = (c / O_STEP * Tile::OWN_CHANNELS + c % Tile::OWN_CHANNELS) / ATOM;
    *swizzled(keys + c / ATOM * Tile::KEY_ATOM_BYTES, row, u) = v;
    ptx::store_cluster_u32x4(values + atom * ATOM_BYTES + unit(own + row, u), v);
  }
  __device__ __forceinline__ static void fence() { ptx::fence_proxy_async_cluster(); }
};

// A lane's of a row: eight of either half.
struct Channels {
  uint4 low, high;
};

// Source: made of a variant's parameters and a lane's first channels of both halves. of(slot) is what a lane keeps of a row, for slot -1 of
// none; load() begins to read row r of the warp's, which lane r keeps; unpack() makes channels of it.
template <class Source, int32_t CTAS_>
struct Filled {
  static constexpr int32_t CTAS = CTAS_;
  static constexpr uint32_t WARPS = 4, ARRIVALS = WARPS, ROWS = Stage<CTAS>::OWN_KEYS / WARPS;
  static constexpr uint32_t HALF = Plan::CHANNELS / 2;
  static_assert(HALF == 32 * 8, "a lane has eight channels of each half");

  template <class A>
  __device__ __forceinline__ static void gather(const A& a, uint32_t part) {
    using Cta = typename A::Cta;
    const uint32_t low = 8 * a.lane, high = HALF + low;  // channels
    const Source source{a.p.op, low, high};
    const uint32_t own = a.side * Stage<CTAS>::OWN_KEYS, first = part * ROWS;  // of a tile, and of those
    ptx::Ring ring;
    for (int32_t i = a.first; i < a.last; ++i, ring.next(STAGES)) {
      // lane r looks after row r
      const typename Source::Row row = source.of(a.lane < ROWS ? a.row_of(i * KEYS + own + first + a.lane) : -1);
      typename Source::Words words[ROWS];
#pragma unroll
      for (uint32_t r = 0; r < ROWS; ++r) words[r] = source.load(row, r);
      Cta::wait(&a.sh.done[ring.stage], ring.parity ^ 1);
      const Target<CTAS> to{a, ring.stage, low};
#pragma unroll
      for (uint32_t r = 0; r < ROWS; ++r) {
        const Channels c = source.unpack(row, r, words[r]);
        to.put(first + r, low, c.low);
        to.put(first + r, high, c.high);
      }
      to.fence();
      __syncwarp();
      if (a.lane == 0) Cta::arrive(&a.sh.k_full[ring.stage]);
    }
  }
};

}  // namespace umma_attention
