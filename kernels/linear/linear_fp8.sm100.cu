// linear_fp8 on tcgen05: y = a wT, both operands e4m3 with power-of-two scales.
//
//   y[m][n] = bf16(sum over 128-blocks b of K of dot[b] * a_s[m][b] * w_s[n / 128][b])
//   dot[b] = sum over k in b of a[m][k] w[n][k]
//
// cite      DeepSeek-V4 inference/kernel.py fp8_gemm
// shapes    a e4m3 [M, K], a_s ue8m0 [M, K/128], w e4m3 [N, K], w_s ue8m0 [N/128, K/128] -> y bf16 [M, N];
//           any M and N, rows of K on 16 bytes
// numerics  kind::mxf8f6f4: products and scales are exact, f32 accumulation, one rounding to bf16
// parallel  umma_linear.cuh: 128 rows of w x up to 128 tokens a tile, K split over a cluster where tiles are few; pairs of CTAs where
//           tokens are many. The instruction takes a scale per 32 of K: a 128-block's scale fills the four bytes of a row's word
#include "kernels/common/umma_linear.cuh"
#include "linear_fp8.h"

namespace {

using namespace umma_linear;

template <int32_t CTAS>
struct Scales : ScaleWarps<CTAS> {
  static constexpr int32_t AHEAD = 4;
  const LinearFp8Params& p;

  struct Rows {
    const uint8_t* w;  // of all rows: a tile of w is one block of its scales; of none, any block
    ScaleRows<uint8_t> x;
  };
  struct Words {
    uint32_t w;
    ScaleWords x;
  };
  __device__ __forceinline__ Rows begin(const Tile& t, uint32_t thread) const {
    const int64_t n_block = plan::div_up(p.K, 128);
    return {p.w_s + min(t.n0, p.N - 1) / 128 * n_block,
            ScaleRows<uint8_t>::of(this->first_row(thread),
                                   [&](int32_t r) { return r < t.rows ? p.a_s + (t.m0 + r) * n_block : nullptr; })};
  }
  __device__ __forceinline__ Words load(const Rows& r, int32_t block) const {
    return {r.w[block] * 0x01010101u, r.x.load_repeated(block)};
  }
  __device__ __forceinline__ void put(const Words& v, uint8_t*, uint8_t* atoms, uint32_t thread) const {
    if (this->has_w(thread)) ScaleWords{v.w, v.w, v.w, v.w}.put(atoms, this->lane(thread));
    v.x.put(atoms + (1 + this->atom(thread)) * plan::SCALE_ATOM, this->lane(thread));
  }
};

template <int32_t CTAS>
__device__ __forceinline__ void product(const LinearFp8Sm100Params& p) {
  const plan::Linear l = plan::dense(p.op.M, p.op.N, p.op.K, plan::FP8, CTAS, p.tokens);
  run<Fp8, CTAS>(l, Dense<CTAS>{p.w_map, p.a_map, l, p.op.M}, Scales<CTAS>{{}, p.op}, [&](const Tile& t) {
    return StoreBf16{p.op.y + int64_t(t.m0) * p.op.N, p.op.N};
  });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, 1) linear_fp8(const __grid_constant__ LinearFp8Sm100Params p) { product<1>(p); }
extern "C" __global__ void __launch_bounds__(THREADS, 1) linear_fp8_pair(const __grid_constant__ LinearFp8Sm100Params p) {
  product<plan::PAIR>(p);
}
