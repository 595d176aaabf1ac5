// shared_up on tcgen05: w1 and w3 of the shared expert, the clamped gated activation, and its e4m3 codes.
//
//   g, u = bf16(a w1T), bf16(a w3T)   act = bf16(swiglu(g, u))   q, s = codes and scales of act in blocks of 128
//
// cite      DeepSeek-V4 inference/model.py Expert.forward
// shapes    as the portable kernel's; N a multiple of 128, rows of K on 16 bytes
// numerics  those of linear_fp8, swiglu and act_quant_fp8
// parallel  umma_rows.cuh: 128 rows of w1 and the same of w3 x up to 128 tokens a tile, which is one block of the quantiser for each
//           token; a warp finishes a token
#include "kernels/common/expert_up.cuh"
#include "kernels/common/umma_rows.cuh"
#include "shared_up.h"

namespace {

using namespace umma_linear;

// A tile of either matrix is one block of its scales; a 128-block's scale fills the four bytes of a row's word.
struct Scales {
  static constexpr int32_t WARPS = 1, AHEAD = 4;
  const SharedUpParams& p;

  struct Rows {
    const uint8_t *w1, *w3;
    ScaleRows<uint8_t> x;
  };
  struct Words {
    uint32_t w1, w3;
    ScaleWords x;
  };
  __device__ __forceinline__ Rows begin(const Tile& t, uint32_t lane) const {
    const int64_t n_block = plan::div_up(p.K, 128), first = t.n0 / 128 * n_block;
    return {p.w1_s + first, p.w3_s + first,
            ScaleRows<uint8_t>::of(lane, [&](int32_t r) { return r < t.rows ? p.a_s + (t.m0 + r) * n_block : nullptr; })};
  }
  __device__ __forceinline__ Words load(const Rows& r, int32_t block) const {
    return {r.w1[block] * 0x01010101u, r.w3[block] * 0x01010101u, r.x.load_repeated(block)};
  }
  __device__ __forceinline__ void put(const Words& v, uint8_t*, uint8_t* atoms, uint32_t lane) const {
    ScaleWords{v.w1, v.w1, v.w1, v.w1}.put(atoms, lane);
    ScaleWords{v.w3, v.w3, v.w3, v.w3}.put(atoms + plan::SCALE_ATOM, lane);
    v.x.put(atoms + 2 * plan::SCALE_ATOM, lane);
  }
};

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, 1) shared_up(const __grid_constant__ SharedUpSm100Params params) {
  const SharedUpParams& p = params.op;
  const plan::Rows l{plan::dense(p.M, p.N, p.K, plan::FP8), plan::FP8, 2};
  const Dense w1{params.w1_map, params.a_map, l, p.M}, w3{params.w3_map, params.a_map, l, p.M};
  run_rows<Fp8, 2>(l, Pair<Dense>{w1, w3}, Scales{p}, [&](const Tile& t) {
    return [&, t](int32_t m, int32_t channel, const Sums<2>& sums) {
      const int64_t row = t.m0 + m;
      const expert_up::Four four(row, t.n0 + channel, p.N, true);
      const uint2 y = expert_up::activate(p, four, expert_up::round4(sums.of[0]), expert_up::round4(sums.of[1]), 1.0f);
      expert_up::quantise_e4m3(p, four, y, row * (p.N / 128) + t.n0 / 128);
    };
  });
}
