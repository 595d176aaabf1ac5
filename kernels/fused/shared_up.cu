// shared_up: w1 and w3 of the shared expert, the clamped gated activation, and its e4m3 codes
//   g, u = bf16(a w1T), bf16(a w3T)   act = bf16(swiglu(g, u))   q e4m3 [M, N], s ue8m0 [M, N/128] of act; g, u, act bf16 [M, N] or null
// Numerics: those of linear_fp8, swiglu and act_quant_fp8; every value between them is rounded also where nobody asks for it.
// Parallel: a CTA 64 rows x 128 channels; both products' tiles meet in shared memory, a warp finishes a row.
#include "shared_up.h"

#include "kernels/common/expert_up_tile.cuh"
#include "kernels/common/gemm_fp8.cuh"

namespace {

struct Smem {
  gemm::fp8::Smem gemm;
  expert_up::Rows rows;
};
static_assert(sizeof(Smem) <= 72 << 10, "what the launch gives");

}  // namespace

extern "C" __global__ void __launch_bounds__(gemm::THREADS, 2) shared_up(const __grid_constant__ SharedUpParams p) {
  extern __shared__ uint4 dynamic[];
  Smem& smem = *reinterpret_cast<Smem*>(dynamic);
  const int m0 = blockIdx.y * gemm::B_M, rows = min(gemm::B_M, p.M - m0), base = blockIdx.x * expert_up::CHANNELS;
  const int64_t n_block = (p.K + 127) / 128;
  expert_up::tile(
      p, smem.rows, m0, rows,
      [&](bool second, const gemm::Out& out, int column0) {
        // a product of its own: these rows, and the columns that lie side by side in shared memory
        const gemm::fp8::Product own{p.a + int64_t(m0) * p.K,
                                     p.a_s + m0 * n_block,
                                     (second ? p.w3 : p.w1) + int64_t(base) * p.K,
                                     (second ? p.w3_s : p.w1_s) + blockIdx.x * n_block,
                                     out.y + base,
                                     rows,
                                     int(out.stride),
                                     p.K};
        gemm::fp8::run(own, {(column0 - base) / gemm::B_N, 0}, smem.gemm);
      },
      [&](int64_t row, const expert_up::Four& four, uint2 g, uint2 u) {
        const uint2 y = expert_up::activate(p, four, g, u, 1.0f);
        expert_up::quantise_e4m3(p, four, y, row * ((p.N + 127) / 128) + blockIdx.x);
      });
}
