// project_y_csa: q_a and kv_a, FP8, of y8, and BF16 of y kv and gate of both compressors and the indexer's weights, in one launch
//   y bf16 [M, K]   y8 e4m3 [M, K]   y8_s ue8m0 [M, K/128]   weights [N, K], those of FP8 with scales ue8m0 [N/128, K/128]
//   q_a bf16 [M, n_q]   kv_a bf16 [M, n_kv]   kv, gate f32 [M, n_comp]   index_kv, index_gate f32 [M, n_index]
//   index_weights bf16 [M, n_head]; any sizes
// Numerics: those of linear_fp8, linear_f32 and linear_bf16, bit for bit.
// Parallel: one CTA a 64 x 64 tile (project_y.cuh).
// Bound: memory, the weights.
#include "project_y_csa.h"

#include "project_y.cuh"

extern "C" __global__ void __launch_bounds__(gemm::THREADS, 3) project_y_csa(const __grid_constant__ ProjectYCsaParams p) {
  using namespace project_y;
  __shared__ Smem smem;
  int n = blockIdx.x;
  const Fp8 fp8[] = {{p.y8, p.y8_s, p.q_a_w, p.q_a_w_s, p.q_a, p.M, p.n_q, p.K},
                     {p.y8, p.y8_s, p.kv_a_w, p.kv_a_w_s, p.kv_a, p.M, p.n_kv, p.K}};
  const ToF32 f32[] = {{p.y, p.kv_w, p.kv, p.M, p.n_comp, p.K},
                       {p.y, p.gate_w, p.gate, p.M, p.n_comp, p.K},
                       {p.y, p.index_kv_w, p.index_kv, p.M, p.n_index, p.K},
                       {p.y, p.index_gate_w, p.index_gate, p.M, p.n_index, p.K}};
  const ToBf16 bf16[] = {{p.y, p.index_weights_w, p.index_weights, p.M, p.n_head, p.K}};
  if (tile_of(fp8, n, [&](const Fp8& x, gemm::Tile at) { gemm::fp8::run(x, at, smem.fp8); })) return;
  if (tile_of(f32, n, [&](const ToF32& x, gemm::Tile at) { gemm::bf16::run(x, at, smem.bf16); })) return;
  tile_of(bf16, n, [&](const ToBf16& x, gemm::Tile at) { gemm::bf16::run(x, at, smem.bf16); });
}
