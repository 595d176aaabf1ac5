// project_y_hca and project_y_csa on tcgen05: FP8 products of y8 and BF16 products of y in one launch. A cluster works in one format: the
// first ones in BF16, whose weights have twice the bytes, so that they begin first where not all clusters run at once.
#pragma once
#include "kernels/common/umma_fp8.cuh"
#include "kernels/common/umma_several.cuh"

namespace project_y {

using namespace umma_linear;

// A result and the weights that it comes from.
struct Matrix {
  const TensorMap* w;
  const ue8m0_t* w_s;  // of FP8
  void* y;
  int32_t N;
  bool bf16;  // else f32
};

// A result of one matrix, f32 or rounded once to bf16.
struct StoreEither {
  void* y;
  int32_t N;
  bool bf16;
  __device__ __forceinline__ void operator()(int32_t m, int32_t n, float v) const {
    const int64_t at = int64_t(m) * N + n;
    if (bf16)
      static_cast<bf16_t*>(y)[at] = __float2bfloat16_rn(v);
    else
      static_cast<float*>(y)[at] = v;
  }
};

template <int32_t CTAS, int32_t COUNT>
struct Product {
  Several<CTAS, COUNT> schedule;
  StoreEither result[COUNT];
  const ue8m0_t* w_s[COUNT];

  __device__ __forceinline__ Product(const Matrix (&of)[COUNT], const TensorMap& x, int32_t M, int32_t K, plan::Format f, int32_t tokens)
      : schedule{{}, {}, x, {}, M} {
    int32_t tiles = 0;
#pragma unroll
    for (int32_t i = 0; i < COUNT; ++i) {
      schedule.w.of[i] = of[i].w, schedule.N[i] = of[i].N, w_s[i] = of[i].w_s, result[i] = {of[i].y, of[i].N, of[i].bf16};
      tiles += plan::w_tiles(of[i].N, CTAS);
    }
    schedule.l = plan::joined(M, tiles, K, f, CTAS, tokens);
  }
  __device__ __forceinline__ StoreEither store(const Tile& t) const {
    StoreEither r = pick(result, t.matrix);
    r.y = static_cast<uint8_t*>(r.y) + int64_t(t.m0) * r.N * (r.bf16 ? 2 : 4);
    return r;
  }
};

// `params` has y, y8 and their sizes, their tensor maps and the tokens of a tile.
template <int32_t CTAS, class Params, int32_t N_FP8, int32_t N_BF16>
__device__ __forceinline__ void run(const Params& params, const Matrix (&of_y8)[N_FP8], const Matrix (&of_y)[N_BF16]) {
  const auto& p = params.op;
  const Product<CTAS, N_FP8> fp8(of_y8, params.y8_map, p.M, p.K, plan::FP8, params.tokens);
  const Product<CTAS, N_BF16> bf16(of_y, params.y_map, p.M, p.K, plan::BF16, params.tokens);
  const uint32_t cluster = ptx::cluster_nctarank(), n_cluster = gridDim.x / cluster;
  const uint32_t n_bf16 = plan::share(n_cluster, bf16.schedule.l, fp8.schedule.l);
  if (blockIdx.x / cluster < n_bf16) {
    umma_linear::run<Bf16, CTAS>(bf16.schedule.l, bf16.schedule, NoFill{}, [&](const Tile& t) { return bf16.store(t); },
                                 Clusters{0, n_bf16});
  } else {
    const auto w_s = [&](const Tile& t, int32_t) { return pick(fp8.w_s, t.matrix); };
    umma_linear::run<umma_linear::Fp8, CTAS>(fp8.schedule.l, fp8.schedule, Fp8Scales<CTAS, 1, decltype(w_s)>{p.y8_s, p.K, w_s},
                                             [&](const Tile& t) { return fp8.store(t); }, Clusters{n_bf16, n_cluster - n_bf16});
  }
}

}  // namespace project_y
