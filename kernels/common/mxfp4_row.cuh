// The indexer's format of a row: the Hadamard transform, then e2m1 codes with a scale for 32 channels.
#pragma once
#include "kernels/common/hadamard.cuh"
#include "kernels/common/mxfp4.cuh"

struct Mxfp4Row {
  bf16_t* had;  // null where nobody watches the transformed row
  e2m1x2_t* q;
  ue8m0_t* s;

  // The row's channels lie in width / 8 neighbouring lanes, c .. c + 7 here; whole warps call it, lanes without a row with inside = false.
  __device__ inline void store(uint4 x, int c, int width, bool inside) const {
    const uint4 v = hadamard8(x, width);
    const uint32_t code = mxfp4::scale_code(warp_max(abs_max_bits(v), mxfp4::BLOCK / 8));
    if (!inside) return;
    if (had) store16(had + c, v);
    *reinterpret_cast<uint32_t*>(q + c / 2) = mxfp4::codes8(v, ue8m0_reciprocal(code));
    if (c % mxfp4::BLOCK == 0) s[c / mxfp4::BLOCK] = ue8m0_t(code);
  }
};
