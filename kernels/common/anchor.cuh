// The softmax of sparse_attention in base 2, around an anchor: an integer m, at least every score t. P = 2^(t - m), its rounding to
// bf16, the sums and the sink's term all scale by the same power of two when m moves, so a maximum that is known late costs no bit.
#pragma once
#include <cstdint>

namespace anchor {

constexpr float NEG_INF = -__builtin_huge_valf();
constexpr float LOWEST = -3.40282347e38f;  // of the finite: the anchor while there is no key, so that infinity - infinity does not arise
constexpr float LOG2_E = 1.44269504f;

// m of the largest score so far.
__device__ __forceinline__ float of(float most) { return fmaxf(ceilf(most), LOWEST); }

// x * y, rounded: in t - m a product that is fused with the difference would make of two huge equal scores two different ones.
__device__ __forceinline__ float product(float x, float y) { return __fmul_rn(x, y); }

// 2^by, exact, of an anchor that moves by an integer <= 0; what is 2^-127 of the rest or less is gone.
__device__ __forceinline__ float power(float by) { return __uint_as_float(uint32_t(fmaxf(by, -127.0f) + 127.0f) << 23); }

}  // namespace anchor
