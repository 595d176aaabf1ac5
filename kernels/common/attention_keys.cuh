// Where attention's keys come from: rows of a bf16 pool, or slots of the packed cache. row() says once where a key is, load8() gives eight
// of its channels from d on, zero at or beyond the head's end.
#pragma once
#include "kernels/common/mma.cuh"
#include "kernels/common/packed_cache.cuh"
#include "kernels/common/vec.cuh"

namespace attention_keys {

// VEC: rows start on 16 bytes and are whole vectors.
template <bool VEC>
__device__ __forceinline__ uint4 load8(const bf16_t* row, int d, int head_dim) {
  uint32_t w[4] = {0, 0, 0, 0};
  if constexpr (VEC) {
    if (d < head_dim) return load16(row + d);
  } else {
    const uint16_t* bits = reinterpret_cast<const uint16_t*>(row);
#pragma unroll
    for (int i = 0; i < 8; ++i)
      if (d + i < head_dim) w[i / 2] |= uint32_t(bits[d + i]) << (16 * (i % 2));
  }
  return {w[0], w[1], w[2], w[3]};
}

struct Rows {
  const bf16_t* kv;
  int head_dim;

  using Row = const bf16_t*;
  __device__ __forceinline__ bool aligned() const { return mma::aligned(kv, 16); }
  __device__ __forceinline__ Row row(int i) const { return kv + int64_t(i) * head_dim; }
  template <bool VEC>
  __device__ __forceinline__ uint4 load8(Row k, int d) const {
    return attention_keys::load8<VEC>(k, d, head_dim);
  }
};

// Heads of 512 channels; the cache is on 16 bytes.
struct Pages {
  packed::Pages<const uint8_t> pages;

  struct Row {
    const uint8_t* values;
    uint2 scales;
  };
  __device__ __forceinline__ bool aligned() const { return true; }
  __device__ __forceinline__ Row row(int slot) const {
    return {pages.values(slot), *reinterpret_cast<const uint2*>(pages.scales(slot))};
  }
  template <bool VEC>
  __device__ __forceinline__ uint4 load8(const Row& k, int d) const {
    if (d >= packed::NOPE) return load16(k.values + packed::NOPE + 2 * (d - packed::NOPE));
    return packed::unpack8(*reinterpret_cast<const uint2*>(k.values + d), packed::scale_of(k.scales, d));
  }
};

}  // namespace attention_keys
