// The portable form of an expert's first half: 64 rows of 128 channels of both products meet in shared memory, as the products store them.
#pragma once
#include "kernels/common/expert_up.cuh"
#include "kernels/common/experts.cuh"

namespace expert_up {

struct Rows {
  bf16_t g[gemm::B_M * CHANNELS], u[gemm::B_M * CHANNELS];
};

// Four channels of a row of `width` in shared memory, from c on; those behind its end are zero.
__device__ __forceinline__ uint2 load4(const bf16_t* row, int c, int width) {
  if (width % 4 == 0 && c + 4 <= width) return *reinterpret_cast<const uint2*>(row + c);
  uint2 v = {0, 0};
#pragma unroll
  for (int i = 0; i < 4; ++i)
    if (c + i < width) (i < 2 ? v.x : v.y) |= uint32_t(__bfloat16_as_ushort(row[c + i])) << 16 * (i % 2);
  return v;
}

// Whether four channels of every tensor of the row may be one access.
template <class P>
__device__ __forceinline__ bool tensors_are_aligned(const P& p) {
  return mma::aligned(p.g, 8) && mma::aligned(p.u, 8) && mma::aligned(p.act, 8) && mma::aligned(p.q, 4);
}

// The CTA's channels of rows m0 .. m0 + n_row - 1. `product(second, out, column0)` gives 64 columns of the product with w1 or, second, w3;
// `finish(row, four, g, u)` is what a warp does with a row.
template <class P, class Product, class Finish>
__device__ __forceinline__ void tile(const P& p, Rows& rows, int m0, int n_row, const Product& product, const Finish& finish) {
#pragma unroll 1
  for (int pass = 0; pass < 4; ++pass) {
    const int base = blockIdx.x * CHANNELS, column0 = base + pass % 2 * gemm::B_N;
    if (column0 >= p.N) continue;
    product(pass / 2, gemm::Out{(pass / 2 ? rows.u : rows.g) - base, 0, min(CHANNELS, p.N - base)}, column0);
    __syncthreads();
  }
  const int base = blockIdx.x * CHANNELS, width = min(CHANNELS, p.N - base), c = 4 * (threadIdx.x % 32);
  const bool aligned = tensors_are_aligned(p);
#pragma unroll 1
  for (int r = threadIdx.x / 32; r < n_row; r += gemm::N_WARP) {
    const Four four(m0 + r, base + c, p.N, aligned);
    finish(m0 + r, four, load4(rows.g + r * width, c, width), load4(rows.u + r * width, c, width));
  }
  __syncthreads();  // the next tile's rows come here
}

}  // namespace expert_up
