// o_a_quant on tcgen05: per group of channels u = a wT with bf16 rows and e4m3 weights, then e4m3 codes and power-of-two scales of u.
//
// shapes    a bf16 [M, n_group, K], w e4m3 [n_group * 128 n_block, K], w_s ue8m0 [n_group * n_block, K / 128]
//           -> u bf16 [M, n_group, 128 n_block] or null, q e4m3 of the same shape, s ue8m0 [M, n_group, n_block]; rows of K of w on
//           16 bytes
// numerics  those of grouped_linear_fp8w and act_quant_fp8, bit for bit; u is rounded to bf16 before it is quantised
// parallel  umma_linear.cuh: the 128 rows of w of a tile are a block of the quantiser, whose sums of one token a warp takes together;
//           pairs of CTAs where tokens are many
#include "kernels/common/quant.cuh"
#include "kernels/common/reduce.cuh"
#include "kernels/common/umma_fp8w.cuh"
#include "o_a_quant.h"

namespace {

using namespace umma_linear;
using Blocks = Finished<Fp8w, 1>;

// Blocks of a tile's tokens; all pointers at the first one's.
struct QuantiseTokens {
  bf16_t* u;
  e4m3_t* q;
  ue8m0_t* s;
  int64_t row, row_s;  // elements of a token
  float floor;
  __device__ __forceinline__ void operator()(int32_t m, int32_t n, const Sums<1>& sums) const {
    const float4& sum = sums.of[0];
    const uint2 y = {round_bf16x2(sum.x, sum.y), round_bf16x2(sum.z, sum.w)};
    const uint32_t code = block_scale_code(warp_max(abs_max_bits(y)), floor, E4M3_INV_MAX);
    *reinterpret_cast<uint32_t*>(q + m * row + n) = quantise4_e4m3(y, ue8m0_reciprocal(code));
    if (u) *reinterpret_cast<uint2*>(u + m * row + n) = y;
    if (n % 128 == 0) s[m * row_s + n / 128] = ue8m0_t(code);
  }
};

template <int32_t CTAS>
__device__ __forceinline__ void product(const OAQuantSm100Params& params) {
  const OAQuantParams& p = params.op;
  const int32_t N = 128 * p.n_block;
  const plan::Linear l = plan::groups(p.M, p.n_group, N, p.K, Blocks::STAGE, CTAS, params.tokens);
  const Widen widen{p.w_s, p.n_group, N, p.K};
  run<Blocks, CTAS>(l, Groups<CTAS>{{&params.w_map}, params.a_map, l, p.M, p.n_group}, widen, [&](const Tile& t) {
    const int64_t row_s = int64_t(p.n_group) * p.n_block, row = 128 * row_s;
    const int64_t at_s = t.m0 * row_s + int64_t(t.group) * p.n_block, at = 128 * at_s;
    return QuantiseTokens{p.u ? p.u + at : nullptr, p.q + at, p.s + at_s, row, row_s, p.floor};
  });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, 1) o_a_quant(const __grid_constant__ OAQuantSm100Params p) { product<1>(p); }
extern "C" __global__ void __launch_bounds__(THREADS, 1) o_a_quant_cta_pair(const __grid_constant__ OAQuantSm100Params p) {
  product<plan::PAIR>(p);
}
