// swiglu: the gated activation of an expert, clamped, times the row's routing weight.
//
//   g <- min(g, limit); u <- clamp(u, -limit, limit); y = bf16(g / (1 + exp(-g)) * u * weight[row_slot[row]])
//
// cite      DeepSeek-V4 inference/model.py Expert.forward with swiglu_limit
// shapes    g, u bf16 [n_row, d_ff], row_slot i32 [n_row] or null, weight f32 [n_slot] or null (1) -> y bf16
//           [n_row, d_ff]
// numerics  f32 inside, one rounding; NaN passes the clamps
// parallel  a thread eight neighbouring channels of a row
#include "kernels/common/swiglu.cuh"
#include "kernels/common/vec.cuh"
#include "swiglu.h"

extern "C" __global__ void __launch_bounds__(128) swiglu(const __grid_constant__ SwigluParams p) {
  const int n_vec = (p.d_ff + 7) / 8;
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= int64_t(p.n_row) * n_vec) return;
  const int row = int(i / n_vec), c = 8 * int(i % n_vec);
  const int64_t at = int64_t(row) * p.d_ff + c;
  const float weight = p.weight ? p.weight[p.row_slot ? p.row_slot[row] : row] : 1.0f;

  if (rows_are_vectors(p.g, p.d_ff) && rows_are_vectors(p.u, p.d_ff) && rows_are_vectors(p.y, p.d_ff)) {
    float g[8], u[8];
    widen8(load16(p.g + at), g);
    widen8(load16(p.u + at), u);
#pragma unroll
    for (int j = 0; j < 8; ++j) g[j] = swiglu_of(g[j], u[j], p.limit, weight);
    store16(p.y + at, round_bf16x8(g));
  } else {
    for (int j = 0; j < min(8, p.d_ff - c); ++j)
      p.y[at + j] = __float2bfloat16_rn(
          swiglu_of(__bfloat162float(p.g[at + j]), __bfloat162float(p.u[at + j]), p.limit, weight));
  }
}
