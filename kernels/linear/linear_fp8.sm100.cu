// linear_fp8 on tcgen05: y = a wT, both operands e4m3 with power-of-two scales.
//
//   y[m][n] = bf16(sum over 128-blocks b of K of dot[b] * a_s[m][b] * w_s[n / 128][b])
//   dot[b] = sum over k in b of a[m][k] w[n][k]
//
// cite      DeepSeek-V4 inference/kernel.py fp8_gemm
// shapes    a e4m3 [M, K], a_s ue8m0 [M, K/128], w e4m3 [N, K], w_s ue8m0 [N/128, K/128] -> y bf16 [M, N];
//           any M and N, rows of K on 16 bytes
// numerics  kind::mxf8f6f4: products and scales are exact, f32 accumulation, one rounding to bf16
// parallel  umma_linear.cuh: 128 rows of w x up to 128 tokens a tile, K split over a cluster where tiles are few.
//           The instruction takes a scale per 32 of K: a 128-block's scale fills the four bytes of a row's word
#include "kernels/common/umma_linear.cuh"
#include "linear_fp8.h"

namespace {

struct Scales {
  const LinearFp8Params& p;

  // Rows beyond M and N are zeros and their results are not stored: any scale does.
  __device__ void fill(uint8_t* w, uint8_t* x, umma_linear::Tile tile, int32_t block, uint32_t lane) const {
    const int32_t n_block = plan::div_up(p.K, 128);
    const uint32_t own = p.w_s[int64_t(tile.n0 / 128) * n_block + block] * 0x01010101u;
    reinterpret_cast<uint4*>(w)[lane] = {own, own, own, own};
    uint32_t of_row[4];
#pragma unroll
    for (int32_t q = 0; q < 4; ++q) {
      const int32_t m = tile.m0 + 32 * q + lane;
      of_row[q] = m < p.M ? p.a_s[int64_t(m) * n_block + block] * 0x01010101u : 0;
    }
    reinterpret_cast<uint4*>(x)[lane] = {of_row[0], of_row[1], of_row[2], of_row[3]};
  }
};

}  // namespace

extern "C" __global__ void __launch_bounds__(umma_linear::THREADS, 1) linear_fp8(const __grid_constant__ LinearFp8Sm100Params p) {
  const plan::Linear l(p.op.M, p.op.N, p.op.K, umma_linear::Fp8::K_STAGE, 2, 128);
  umma_linear::run<umma_linear::Fp8>(p.w_map, p.a_map, l, Scales{p.op}, [&](int32_t m, int32_t n, float v) {
    p.op.y[int64_t(m) * p.op.N + n] = __float2bfloat16_rn(v);
  });
}
