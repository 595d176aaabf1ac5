// expert_linear_mxfp4 on tcgen05: the rows of each expert times its weights; activations e4m3 (scale a 128), weights e2m1 (scale a 32).
//
//   row i of expert e: s = src_row[i] (i when src_row is null)
//   y[i][n] = bf16(sum over 32-blocks b of K of dot[b] * a_s[s][b / 4] * w_s[slot e][n][b])
//   dot[b] = sum over k in b of a[s][k] w[slot e][n][k], e the expert that owns row i
//
// cite      DeepSeek-V4 inference/kernel.py fp4_gemm, grouped over experts
// shapes    a e4m3 [n_src, K], a_s ue8m0 [n_src, K/128], offset i32 [n_expert + 1], w e2m1 [n_slot, N, K],
//           w_s ue8m0 [n_slot, N, K/32] -> y bf16 [n_row, N]; any load of experts, any N, K a multiple of 128
// numerics  kind::mxf8f6f4: products and scales are exact, f32 accumulation, one rounding to bf16
// parallel  umma_linear.cuh: 128 rows of w x up to 128 rows of an expert a tile, pairs of CTAs where they are many. The tensor map spreads
//           w over shared memory, eight bytes of data and eight of padding in sixteen, a byte a code; four scales of w are a row's word,
//           the scale of a fills one
#include "expert_linear_mxfp4.h"
#include "kernels/common/umma_linear.cuh"

namespace {

using namespace umma_linear;

template <int32_t CTAS>
struct Scales : ScaleWarps<CTAS> {
  static constexpr int32_t AHEAD = 4;
  const ExpertLinearMxfp4Params& p;
  const GatheredRows<CTAS>& a;

  struct Rows {
    ScaleRows<uint32_t> w;
    ScaleRows<uint8_t> x;
  };
  struct Words {
    ScaleWords w, x;
  };
  __device__ __forceinline__ Rows begin(const Tile& t, uint32_t thread) const {
    const int32_t first = this->first_row(thread), n_w = this->has_w(thread) ? p.N - t.n0 : 0;
    const int64_t n_block = p.K / 128;
    const uint32_t* w_s = reinterpret_cast<const uint32_t*>(p.w_s) + (int64_t(t.matrix) * p.N + t.n0) * n_block;
    return {ScaleRows<uint32_t>::of(first, [&](int32_t r) { return r < n_w ? w_s + r * n_block : nullptr; }),
            ScaleRows<uint8_t>::of(first, [&](int32_t r) { return r < t.rows ? p.a_s + a.source(t.m0 + r) * n_block : nullptr; })};
  }
  __device__ __forceinline__ Words load(const Rows& r, int32_t block) const { return {r.w.load(block), r.x.load_repeated(block)}; }
  __device__ __forceinline__ void put(const Words& v, uint8_t*, uint8_t* atoms, uint32_t thread) const {
    if (this->has_w(thread)) v.w.put(atoms, this->lane(thread));
    v.x.put(atoms + (1 + this->atom(thread)) * plan::SCALE_ATOM, this->lane(thread));
  }
};

template <int32_t CTAS>
__device__ __forceinline__ void product(const ExpertLinearMxfp4Sm100Params& p) {
  const plan::Linear l = plan::experts(p.op.n_row, p.op.n_expert, p.op.N, p.op.K, plan::MXFP4, CTAS, p.tokens);
  const GatheredRows<CTAS> a{p.a_map, p.op.src_row};
  const Experts<CTAS, GatheredRows<CTAS>> experts{p.w_map, a, l, p.op.offset, p.op.expert_slot, p.op.n_expert, p.op.n_slot};
  run<Mxfp4, CTAS>(l, experts, Scales<CTAS>{{}, p.op, a}, [&](const Tile& t) {
    return StoreBf16{p.op.y + int64_t(t.m0) * p.op.N, p.op.N};
  });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, 1) expert_linear_mxfp4(const __grid_constant__ ExpertLinearMxfp4Sm100Params p) {
  product<1>(p);
}
extern "C" __global__ void __launch_bounds__(THREADS, 1) expert_linear_mxfp4_pair(const __grid_constant__ ExpertLinearMxfp4Sm100Params p) {
  product<plan::PAIR>(p);
}
