// The portable kernel of project_y_hca and project_y_csa: two FP8 linears of y8 and BF16 linears of y, a CTA a 64 x 64 tile of one of them.
#pragma once
#include "kernels/common/gemm_bf16.cuh"
#include "kernels/common/gemm_fp8.cuh"

namespace project_y {

using Fp8 = gemm::fp8::Product;
using ToF32 = gemm::bf16::Product<float>;
using ToBf16 = gemm::bf16::Product<bf16_t>;

union Smem {
  gemm::fp8::Smem fp8;
  gemm::bf16::Smem bf16;
};

// Runs tile `n` of `products` if they have so many, else takes theirs off it.
template <class Product, int COUNT, class Run>
__device__ __forceinline__ bool tile_of(const Product (&products)[COUNT], int& n, const Run& run) {
  Product mine = products[0];
  bool found = false;
#pragma unroll
  for (int i = 0; i < COUNT; ++i) {
    const int tiles = (products[i].N + gemm::B_N - 1) / gemm::B_N;
    if (!found && n < tiles) {
      mine = products[i];
      found = true;
    }
    if (!found) n -= tiles;
  }
  if (found) run(mine, gemm::Tile{n, int(blockIdx.y)});
  return found;
}

}  // namespace project_y
