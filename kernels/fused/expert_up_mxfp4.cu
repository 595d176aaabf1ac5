// expert_up_mxfp4: w1 and w3 of each expert on its rows, the clamped gated activation times the routing weight, and its e4m3 codes
//   row i of expert e, s = src_row[i]:   g, u = bf16(a[s] w1[e]T), bf16(a[s] w3[e]T)   act = bf16(swiglu(g, u) weight[row_slot[i]])
//   q e4m3 [n_row, N], s ue8m0 [n_row, N/128] of act; g, u, act bf16 [n_row, N] or null
// Numerics: those of expert_linear_mxfp4, swiglu and act_quant_fp8; every value between them is rounded also where nobody asks for it.
// Parallel: a CTA 128 channels of an expert and every gridDim.z-th of its 64-row tiles; both products' tiles meet in shared memory, a warp
//   finishes a row.
#include "expert_up_mxfp4.h"

#include "kernels/common/expert_up_tile.cuh"
#include "kernels/common/gemm_mxfp4.cuh"

namespace {

using namespace gemm;

struct Smem {
  mxfp4::Smem gemm;
  expert_up::Rows rows;
};
static_assert(sizeof(Smem) <= 80 << 10, "what the launch gives");

template <bool VEC>
__device__ __forceinline__ void expert(const ExpertUpMxfp4Params& p, Smem& smem) {
  const ExpertRows e(p.offset, p.expert_slot, p.n_slot);
  for (int m0 = e.begin + blockIdx.z * B_M; m0 < e.end; m0 += gridDim.z * B_M) {
    const int rows = min(B_M, e.end - m0);
    expert_up::tile(
        p, smem.rows, m0, rows,
        [&](bool second, const Out& out, int column0) {
          const mxfp4::Product w{p.a, p.a_s, p.src_row, second ? p.w3 : p.w1, second ? p.w3_s : p.w1_s, p.N, p.K};
          mxfp4::tile<VEC>(w, out, smem.gemm, e.slot, m0, rows, column0);
        },
        [&](int64_t row, const expert_up::Four& four, uint2 g, uint2 u) {
          const uint2 y = expert_up::activate(p, four, g, u, expert_up::weight_of(p, row));
          expert_up::quantise_e4m3(p, four, y, row * ((p.N + 127) / 128) + blockIdx.x);
        });
  }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(gemm::THREADS, 2) expert_up_mxfp4(const __grid_constant__ ExpertUpMxfp4Params p) {
  extern __shared__ uint4 dynamic[];
  Smem& smem = *reinterpret_cast<Smem*>(dynamic);
  const mxfp4::Product w1{p.a, p.a_s, p.src_row, p.w1, p.w1_s, p.N, p.K};
  if (mxfp4::rows_are_vectors(w1) && mma::aligned(p.w3, 4))
    expert<true>(p, smem);
  else
    expert<false>(p, smem);
}
