// expert_up_nvfp4: w1 and w3 of each expert on its rows, the clamped gated activation times the routing weight, and its NVFP4 codes
//   row i of expert e:   g, u = bf16(a[i] w1[e]T), bf16(a[i] w3[e]T)   act = bf16(swiglu(g, u) weight[row_slot[i]])
//   q e2m1 [n_row, N], s e4m3 [n_row, N/16] of act under act_global[row_expert[i]]; g, u, act bf16 [n_row, N] or null
// Numerics: those of expert_linear_nvfp4, swiglu and act_quant_nvfp4; every value between them is rounded also where nobody asks for it.
// Parallel: a CTA 128 channels of an expert and every gridDim.z-th of its 64-row tiles; both products' tiles meet in shared memory, a warp
//   finishes a row. N must be even: a byte holds two codes of one row.
#include "expert_up_nvfp4.h"

#include "kernels/common/expert_up_tile.cuh"
#include "kernels/common/gemm_nvfp4.cuh"

namespace {

using namespace gemm;

struct Smem {
  nvfp4::Smem gemm;
  expert_up::Rows rows;
};
static_assert(sizeof(Smem) <= 80 << 10, "what the launch gives");

template <bool VEC>
__device__ __forceinline__ void expert(const ExpertUpNvfp4Params& p, Smem& smem) {
  const ExpertRows e(p.offset, p.expert_slot, p.n_slot);
  if (e.begin >= e.end) return;
  const float a_global = p.a_global[blockIdx.y];
  for (int m0 = e.begin + blockIdx.z * B_M; m0 < e.end; m0 += gridDim.z * B_M) {
    const int rows = min(B_M, e.end - m0);
    expert_up::tile(
        p, smem.rows, m0, rows,
        [&](bool second, const Out& out, int column0) {
          const nvfp4::Product w{p.a, p.a_s, second ? p.w3 : p.w1, second ? p.w3_s : p.w1_s, p.N, p.K};
          const float global = a_global * (second ? p.w3_global : p.w1_global)[e.slot];
          nvfp4::tile<VEC>(w, out, smem.gemm, e.slot, global, m0, rows, column0);
        },
        [&](int64_t row, const expert_up::Four& four, uint2 g, uint2 u) {
          const uint2 y = expert_up::activate(p, four, g, u, expert_up::weight_of(p, row));
          const int64_t scale_at = row * ((p.N + 15) / 16) + blockIdx.x * (expert_up::CHANNELS / 16) + threadIdx.x % 32 / 4;
          expert_up::quantise_nvfp4(p, four, y, p.act_global[p.row_expert[row]], scale_at);
        });
  }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(gemm::THREADS, 2) expert_up_nvfp4(const __grid_constant__ ExpertUpNvfp4Params p) {
  extern __shared__ uint4 dynamic[];
  Smem& smem = *reinterpret_cast<Smem*>(dynamic);
  if (p.N % 2 != 0) asm volatile("trap;");
  const nvfp4::Product w1{p.a, p.a_s, p.w1, p.w1_s, p.N, p.K};
  if (nvfp4::rows_are_vectors(w1) && mma::aligned(p.w3, 8))
    expert<true>(p, smem);
  else
    expert<false>(p, smem);
}
