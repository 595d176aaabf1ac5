// Keys of umma_attention.cuh that are slots of the packed cache: four warps read rows of codes and scales and leave them as bf16 where TMA
// would have put them.
//
// A warp has 16 rows of a tile, a lane eight channels of each half of a row: 32 neighbouring units of a row are one load, and eight of them
// fill a row of the swizzle atom without a conflict. All of a tile's loads are on their way before the stage is free.
#pragma once
#include "kernels/common/packed_cache.cuh"
#include "kernels/common/umma_attention.cuh"

namespace umma_attention {

struct Pages {
  static constexpr uint32_t WARPS = 4, ARRIVALS = WARPS, ROWS = KEYS / WARPS;
  static constexpr uint32_t HALF = packed::CHANNELS / 2;
  static_assert(HALF == 32 * 8 && packed::NOPE > HALF, "a lane has eight channels of codes, and eight of either kind");

  template <class A>
  __device__ __forceinline__ static void gather(const A& a, uint32_t part) {
    const packed::Pages<const uint8_t> pages{a.p.op.cache, a.p.op.page_size};
    const uint32_t low = 8 * a.lane, high = HALF + low;  // channels
    const bool turned = high >= packed::NOPE;
    ptx::Ring ring;
    for (int32_t i = a.first; i < a.last; ++i, ring.next(STAGES)) {
      // lane r looks after row r
      const int32_t slot = a.lane < ROWS ? a.row_of(i * KEYS + part * ROWS + a.lane) : -1;
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
      ptx::mbarrier_wait(&a.sh.done[ring.stage], ring.parity ^ 1);
      uint8_t* to = a.keys(ring.stage);
#pragma unroll
      for (uint32_t r = 0; r < ROWS; ++r) {
        const uint2 s = {__shfl_sync(~0u, scales.x, r), __shfl_sync(~0u, scales.y, r)};
        put(to, part * ROWS + r, low, packed::unpack8(codes[r], packed::scale_of(s, low)));
        put(to, part * ROWS + r, high, turned ? rest[r] : packed::unpack8({rest[r].x, rest[r].y}, packed::scale_of(s, high)));
      }
      ptx::fence_proxy_async();
      __syncwarp();
      if (a.lane == 0) ptx::mbarrier_arrive(&a.sh.k_full[ring.stage]);
    }
  }

  // Eight channels from c on of a tile's row.
  __device__ __forceinline__ static void put(uint8_t* to, uint32_t row, uint32_t c, uint4 v) {
    *swizzled(to + c / ATOM * ATOM_BYTES, row, c % ATOM / 8) = v;
  }
};

}  // namespace umma_attention
