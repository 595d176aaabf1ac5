// linear_fp8_pair on tcgen05: y0 = a w0T and y1 = a w1T, operands e4m3 with power-of-two scales, in one launch.
//
// shapes    a e4m3 [M, K], a_s ue8m0 [M, K/128], w0 and w1 e4m3 [N, K], their scales ue8m0 [N/128, K/128] -> y0 and y1 bf16 [M, N];
//           any M, N0 and N1, rows of K on 16 bytes
// numerics  those of linear_fp8; bit for bit where each alone has its K cut into as many parts (plan::Joint)
// parallel  umma_linear.cuh over the tiles of both weights
#include "kernels/common/umma_fp8.cuh"
#include "kernels/common/umma_several.cuh"
#include "linear_fp8_pair.h"

namespace {

using namespace umma_linear;

template <int32_t CTAS>
__device__ __forceinline__ void product(const LinearFp8PairSm100Params& params) {
  const LinearFp8PairParams& p = params.op;
  const int32_t n_n = plan::w_tiles(p.N0, CTAS) + plan::w_tiles(p.N1, CTAS);
  const plan::Linear l = plan::joined(p.M, n_n, p.K, plan::FP8, CTAS, params.tokens);
  const Several<CTAS, 2> both{{&params.w0_map, &params.w1_map}, {p.N0, p.N1}, params.a_map, l, p.M};
  const auto w_s = [&](const Tile& t, int32_t) { return t.matrix == 0 ? p.w0_s : p.w1_s; };
  run<Fp8, CTAS>(l, both, Fp8Scales<CTAS, 1, decltype(w_s)>{p.a_s, p.K, w_s}, [&](const Tile& t) {
    const int32_t N = t.matrix == 0 ? p.N0 : p.N1;
    return StoreBf16{(t.matrix == 0 ? p.y0 : p.y1) + int64_t(t.m0) * N, N};
  });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, 1) linear_fp8_pair(const __grid_constant__ LinearFp8PairSm100Params p) {
  product<1>(p);
}
extern "C" __global__ void __launch_bounds__(THREADS, 1) linear_fp8_pair_cta_pair(const __grid_constant__ LinearFp8PairSm100Params p) {
  product<plan::PAIR>(p);
}
