// o_a_quant: per group of channels u = a wT with bf16 rows and e4m3 weights, then e4m3 codes and power-of-two scales of u, in one launch
//   a bf16 [M, n_group, K]   w e4m3 [n_group * 128 n_block, K]   w_s ue8m0 [n_group * n_block, K/128]
//   u bf16 [M, n_group, 128 n_block] or null   q e4m3 [M, n_group, 128 n_block]   s ue8m0 [M, n_group, n_block]
// Numerics: those of grouped_linear_fp8w and act_quant_fp8, bit for bit; u is rounded to bf16 before it is quantised.
// Parallel: a CTA takes 64 rows of a block of 128 columns, two tiles one after the other, whose results meet in shared memory; then
//   16 lanes quantise a row's block.
// Bound: memory, the weights.
#include "o_a_quant.h"

#include "kernels/common/gemm_fp8w.cuh"
#include "kernels/common/quant.cuh"
#include "kernels/common/reduce.cuh"

namespace {

constexpr int BLOCK = 128, LANES = BLOCK / 8;

struct Smem {
  bf16_t u[gemm::B_M][BLOCK + 8];  // eight more, so that rows below each other begin in other banks
  gemm::fp8w::Smem tile;
};
static_assert(sizeof(Smem) <= plan::O_A_SMEM, "fits what the launch asks for");

}  // namespace

extern "C" __global__ void __launch_bounds__(gemm::THREADS, 2) o_a_quant(const __grid_constant__ OAQuantParams p) {
  extern __shared__ uint4 dynamic[];
  Smem& smem = *reinterpret_cast<Smem*>(dynamic);
  const int block = blockIdx.x, m = blockIdx.y, group = blockIdx.z;
  const gemm::fp8w::Product product{p.a, p.w, p.w_s, p.M, p.n_group, BLOCK * p.n_block, p.K};
  // unrolled: of the loop nvcc 13.0 makes PTX that adds to an address before it is computed
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    gemm::fp8w::run(product, {&smem.u[0][gemm::B_N * half], BLOCK + 8}, group, {2 * block + half, m}, smem.tile);
    __syncthreads();  // of the first half the tile's memory is free, of the second u is there
  }

  const int rows = min(gemm::B_M, p.M - m * gemm::B_M), lane = threadIdx.x % LANES;
  for (int row = threadIdx.x / LANES; row - int(threadIdx.x / LANES) < rows; row += gemm::THREADS / LANES) {
    const bool inside = row < rows;
    const uint4 u = inside ? load16(&smem.u[row][8 * lane]) : uint4{};
    const uint32_t code = block_scale_code(warp_max(abs_max_bits(u), LANES), p.floor, E4M3_INV_MAX);
    if (!inside) continue;
    const int64_t at_s = (int64_t(m * gemm::B_M + row) * p.n_group + group) * p.n_block + block, at = BLOCK * at_s + 8 * lane;
    if (p.u) store16(p.u + at, u);
    *reinterpret_cast<uint2*>(p.q + at) = quantise8_e4m3(u, ue8m0_reciprocal(code));
    if (lane == 0) p.s[at_s] = ue8m0_t(code);
  }
}
