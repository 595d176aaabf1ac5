// project_y_hca: q_a and kv_a, FP8, of y8, and the compressor's kv and gate, BF16, of y, in one launch
//   y bf16 [M, K]   y8 e4m3 [M, K]   y8_s ue8m0 [M, K/128]   weights [N, K], those of FP8 with scales ue8m0 [N/128, K/128]
//   q_a bf16 [M, n_q]   kv_a bf16 [M, n_kv]   kv, gate f32 [M, n_comp]; any sizes
// Numerics: those of linear_fp8 and linear_f32, bit for bit.
// Parallel: one CTA a 64 x 64 tile (project_y.cuh).
// Bound: memory, the weights.
#include "project_y_hca.h"

#include "project_y.cuh"

extern "C" __global__ void __launch_bounds__(gemm::THREADS, 3) project_y_hca(const __grid_constant__ ProjectYHcaParams p) {
  using namespace project_y;
  __shared__ Smem smem;
  int n = blockIdx.x;
  const Fp8 fp8[] = {{p.y8, p.y8_s, p.q_a_w, p.q_a_w_s, p.q_a, p.M, p.n_q, p.K},
                     {p.y8, p.y8_s, p.kv_a_w, p.kv_a_w_s, p.kv_a, p.M, p.n_kv, p.K}};
  const ToF32 f32[] = {{p.y, p.kv_w, p.kv, p.M, p.n_comp, p.K}, {p.y, p.gate_w, p.gate, p.M, p.n_comp, p.K}};
  if (tile_of(fp8, n, [&](const Fp8& x, gemm::Tile at) { gemm::fp8::run(x, at, smem.fp8); })) return;
  tile_of(f32, n, [&](const ToF32& x, gemm::Tile at) { gemm::bf16::run(x, at, smem.bf16); });
}
