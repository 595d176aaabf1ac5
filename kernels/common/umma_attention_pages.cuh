// Keys of umma_attention.cuh that are slots of the packed cache: rows of codes and scales are unpacked to bf16.
#pragma once
#include "kernels/common/packed_cache.cuh"
#include "kernels/common/umma_attention.cuh"
#include "kernels/common/umma_attention_fill.cuh"

namespace umma_attention {

struct PackedRows {
  static_assert(packed::CHANNELS == Plan::CHANNELS && packed::NOPE > Plan::CHANNELS / 2, "a lane's first channels are codes");
  struct Row {
    int32_t at;
    uint2 scales;
  };
  struct Words {
    uint2 codes;
    uint4 rest;  // codes in its first half, or copied channels
  };
  const packed::Pages<const uint8_t> pages;
  const uint32_t first, second;  // channels
  const bool turned = second >= packed::NOPE;

  template <class Op>
  __device__ __forceinline__ PackedRows(const Op& op, uint32_t low, uint32_t high)
      : pages{op.cache, op.page_size}, first(low), second(high) {}

  __device__ __forceinline__ Row of(int32_t slot) const {
    return {slot < 0 ? -1 : pages.row(slot), slot < 0 ? uint2{} : *reinterpret_cast<const uint2*>(pages.scales(slot))};
  }
  __device__ __forceinline__ Words load(const Row& row, uint32_t r) const {
    const int32_t at = __shfl_sync(~0u, row.at, r);
    Words w{};  // a slot without a key is a row of zeros
    if (at < 0) return w;
    const uint8_t* values = pages.values_at(at);
    w.codes = *reinterpret_cast<const uint2*>(values + first);
    if (turned) {
      w.rest = load16(values + packed::NOPE + 2 * (second - packed::NOPE));
    } else {
      const uint2 more = *reinterpret_cast<const uint2*>(values + second);
      w.rest.x = more.x, w.rest.y = more.y;
    }
    return w;
  }
  __device__ __forceinline__ Channels unpack(const Row& row, uint32_t r, const Words& w) const {
    const uint2 s = {__shfl_sync(~0u, row.scales.x, r), __shfl_sync(~0u, row.scales.y, r)};
    return {packed::unpack8(w.codes, packed::scale_of(s, first)),
            turned ? w.rest : packed::unpack8({w.rest.x, w.rest.y}, packed::scale_of(s, second))};
  }
};

template <int32_t CTAS>
using Pages = Filled<PackedRows, CTAS>;

}  // namespace umma_attention
