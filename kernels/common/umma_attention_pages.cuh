// Keys of umma_attention.cuh that are slots of the packed cache: four warps read rows of codes and scales and leave them as bf16 where TMA
// would have put them. Of a pair each CTA unpacks its half of a tile's keys, and writes them whole as keys, and as values in both CTAs the
// channels that each multiplies.
//
// A warp has 16 rows of a tile, of a pair 8; a lane eight channels of each half of a row: 32 neighbouring units of a row are one load, and
// eight of them fill a row of the swizzle atom without a conflict. All of a tile's loads are on their way before the stage is free.
#pragma once
#include "kernels/common/packed_cache.cuh"
#include "kernels/common/umma_attention.cuh"

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
        values(ptx::mapa(ptx::shared(a.values(stage)), Tile::owner(first))),
        own(a.side * Tile::OWN_KEYS) {}
  __device__ __forceinline__ void put(uint32_t row, uint32_t c, uint4 v) const {
    const uint32_t u = c % ATOM / 8;
    *swizzled(keys + c / ATOM * Tile::KEY_ATOM_BYTES, row, u) = v;
    ptx::store_cluster_u32x4(values + Tile::atom(c) * ATOM_BYTES + unit(own + row, u), v);
  }
  __device__ __forceinline__ static void fence() { ptx::fence_proxy_async_cluster(); }
};

template <int32_t CTAS_>
struct Pages {
  static constexpr int32_t CTAS = CTAS_;
  static constexpr uint32_t WARPS = 4, ARRIVALS = WARPS, VALUE_ARRIVALS = 0, ROWS = Stage<CTAS>::OWN_KEYS / WARPS;
  static constexpr uint32_t HALF = packed::CHANNELS / 2;
  static_assert(HALF == 32 * 8 && packed::NOPE > HALF, "a lane has eight channels of codes, and eight of either kind");

  template <class A>
  __device__ __forceinline__ static void gather(const A& a, uint32_t part) {
    using Cta = typename A::Cta;
    const packed::Pages<const uint8_t> pages{a.p.op.cache, a.p.op.page_size};
    const uint32_t low = 8 * a.lane, high = HALF + low;  // channels
    const bool turned = high >= packed::NOPE;
    const uint32_t own = a.side * Stage<CTAS>::OWN_KEYS, first = part * ROWS;  // of a tile, and of those
    ptx::Ring ring;
    for (int32_t i = a.first; i < a.last; ++i, ring.next(STAGES)) {
      // lane r looks after row r
      const int32_t slot = a.lane < ROWS ? a.row_of(i * KEYS + own + first + a.lane) : -1;
      const int32_t row = slot < 0 ? -1 : pages.row(slot);
      const uint2 scales = slot < 0 ? uint2{} : *reinterpret_cast<const uint2*>(pages.scales(slot));
      uint2 codes[ROWS];
      uint4 rest[ROWS];  // codes in its first half, or copied channels
#pragma unroll
      for (uint32_t r = 0; r < ROWS; ++r) {
        const int32_t at = __shfl_sync(~0u, row, r);
        codes[r] = {}, rest[r] = {};  // a slot without a key is a row of zeros
        if (at < 0) continue;
        const uint8_t* values = pages.values_at(at);
        codes[r] = *reinterpret_cast<const uint2*>(values + low);
        if (turned) {
          rest[r] = load16(values + packed::NOPE + 2 * (high - packed::NOPE));
        } else {
          const uint2 more = *reinterpret_cast<const uint2*>(values + high);
          rest[r].x = more.x, rest[r].y = more.y;
        }
      }
      Cta::wait(&a.sh.done[ring.stage], ring.parity ^ 1);
      const Target<CTAS> to{a, ring.stage, low};
#pragma unroll
      for (uint32_t r = 0; r < ROWS; ++r) {
        const uint2 s = {__shfl_sync(~0u, scales.x, r), __shfl_sync(~0u, scales.y, r)};
        to.put(first + r, low, packed::unpack8(codes[r], packed::scale_of(s, low)));
        to.put(first + r, high, turned ? rest[r] : packed::unpack8({rest[r].x, rest[r].y}, packed::scale_of(s, high)));
      }
      to.fence();
      __syncwarp();
      if (a.lane == 0) Cta::arrive(&a.sh.k_full[ring.stage]);
    }
  }
};

}  // namespace umma_attention
