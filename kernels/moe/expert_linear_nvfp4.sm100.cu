// expert_linear_nvfp4 on tcgen05: the rows of each expert times its weights, both NVFP4 (e2m1, e4m3 scale a 16, one float32 scale on top).
//
//   y[i][n] = bf16((sum over 16-blocks b of K of dot[b] * a_s[i][b] * w_s[slot e][n][b]) * fl32(a_global[e] * w_global[slot e]))
//   dot[b] = sum over k in b of a[i][k] w[slot e][n][k], e the expert that owns row i
//
// cite      NVIDIA Model-Optimizer NVFP4 (block 16, two-level scales), grouped over experts
// shapes    a e2m1 [n_row, K], a_s e4m3 [n_row, K/16], offset i32 [n_expert + 1], w e2m1 [n_slot, N, K],
//           w_s e4m3 [n_slot, N, K/16], a_global f32 [n_expert], w_global f32 [n_slot] -> y bf16 [n_row, N]; K a multiple of 64
// numerics  kind::mxf4nvf4: block scales are magnitudes (ue4m3), products and scales are exact, f32 accumulation; the global scales
//           multiply the whole sum once, then one rounding to bf16
// parallel  umma_linear.cuh: 128 rows of w x up to 128 rows of an expert a tile, pairs of CTAs where they are many; 256 of K a stage are
//           four scale atoms an operand
#include "expert_linear_nvfp4.h"
#include "kernels/common/umma_linear.cuh"

namespace {

using namespace umma_linear;
constexpr int32_t ATOMS = plan::NVFP4.w_atoms;

template <int32_t CTAS>
struct Scales : ScaleWarps<CTAS> {
  static constexpr int32_t AHEAD = 2;
  const ExpertLinearNvfp4Params& p;

  struct Rows {
    ScaleRows<uint32_t> w, x;
  };
  struct Words {
    ScaleWords w[ATOMS], x[ATOMS];
  };
  __device__ __forceinline__ Rows begin(const Tile& t, uint32_t thread) const {
    const int32_t first = this->first_row(thread), n_w = this->has_w(thread) ? p.N - t.n0 : 0;
    const int64_t n_word = p.K / 64;
    const uint32_t* w_s = reinterpret_cast<const uint32_t*>(p.w_s) + (int64_t(t.matrix) * p.N + t.n0) * n_word;
    const uint32_t* a_s = reinterpret_cast<const uint32_t*>(p.a_s) + t.m0 * n_word;
    return {ScaleRows<uint32_t>::of(first, [&](int32_t r) { return r < n_w ? w_s + r * n_word : nullptr; }),
            ScaleRows<uint32_t>::of(first, [&](int32_t r) { return r < t.rows ? a_s + r * n_word : nullptr; })};
  }
  // The words of a row's four atoms, in one piece where the rows allow it. Beyond K both operands are zeros.
  __device__ __forceinline__ void load(ScaleWords (&v)[ATOMS], const ScaleRows<uint32_t>& rows, int32_t k) const {
    const int32_t n_word = p.K / 64;
#pragma unroll
    for (int32_t q = 0; q < 4; ++q) {
      uint4 words = {0, 0, 0, 0};
      if (const uint32_t* row = rows.row[q]) {
        row += ATOMS * k;
        if (n_word % ATOMS == 0)
          words = *reinterpret_cast<const uint4*>(row);
        else
          words = {row[0], ATOMS * k + 1 < n_word ? row[1] : 0, ATOMS * k + 2 < n_word ? row[2] : 0, ATOMS * k + 3 < n_word ? row[3] : 0};
      }
      v[0].of_row[q] = words.x, v[1].of_row[q] = words.y, v[2].of_row[q] = words.z, v[3].of_row[q] = words.w;
    }
  }
  __device__ __forceinline__ Words load(const Rows& r, int32_t k) const {
    Words v;
    load(v.w, r.w, k);
    load(v.x, r.x, k);
    return v;
  }
  __device__ __forceinline__ void put(const Words& v, uint8_t*, uint8_t* atoms, uint32_t thread) const {
#pragma unroll
    for (int32_t a = 0; a < ATOMS; ++a) {
      if (this->has_w(thread)) v.w[a].put(atoms + a * plan::SCALE_ATOM, this->lane(thread));
      v.x[a].put(atoms + (ATOMS + CTAS * a + this->atom(thread)) * plan::SCALE_ATOM, this->lane(thread));
    }
  }
};

template <int32_t CTAS>
__device__ __forceinline__ void product(const ExpertLinearNvfp4Sm100Params& p) {
  const plan::Linear l = plan::experts(p.op.n_row, p.op.n_expert, p.op.N, p.op.K, plan::NVFP4, CTAS, p.tokens);
  const Experts<CTAS, RowsInOrder<CTAS>> experts{p.w_map, {p.a_map}, l, p.op.offset, p.op.expert_slot, p.op.n_expert, p.op.n_slot};
  run<Nvfp4, CTAS>(l, experts, Scales<CTAS>{{}, p.op}, [&](const Tile& t) {
    const float global = p.op.a_global[t.group] * p.op.w_global[t.matrix];
    const StoreBf16 y{p.op.y + int64_t(t.m0) * p.op.N, p.op.N};
    return [=](int32_t m, int32_t n, float sum) { y(m, n, sum * global); };
  });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, 1) expert_linear_nvfp4(const __grid_constant__ ExpertLinearNvfp4Sm100Params p) {
  product<1>(p);
}
extern "C" __global__ void __launch_bounds__(THREADS, 1) expert_linear_nvfp4_pair(const __grid_constant__ ExpertLinearNvfp4Sm100Params p) {
  product<plan::PAIR>(p);
}
