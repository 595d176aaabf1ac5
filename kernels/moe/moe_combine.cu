// moe_combine: the routed outputs of a token, summed in slot order, plus the shared expert.
//
//   z[tok] = bf16(routed[slot_row[tok][0]] + ... + routed[slot_row[tok][n_act - 1]] + shared[tok])
//
// cite      DeepSeek-V4 inference/model.py MoE.forward: y (f32) += expert, + shared, cast
// shapes    routed bf16 [n_row, d_model], slot_row i32 [n_tok, n_act], shared bf16 [n_tok, d_model] -> z bf16
//           [n_tok, d_model]
// numerics  f32 from zero, left to right, one rounding: the result is exact bit for bit
// parallel  a thread eight neighbouring channels of a token
#include "kernels/common/combine.cuh"
#include "moe_combine.h"

extern "C" __global__ void __launch_bounds__(128) moe_combine(const __grid_constant__ MoeCombineParams p) {
  const int n_vec = (p.d_model + 7) / 8;
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= int64_t(p.n_tok) * n_vec) return;
  const int tok = int(i / n_vec), c = 8 * int(i % n_vec);
  const int32_t* rows = p.slot_row + int64_t(tok) * p.n_act;
  const int64_t at = int64_t(tok) * p.d_model + c;

  if (rows_are_vectors(p.routed, p.d_model) && rows_are_vectors(p.shared, p.d_model) &&
      rows_are_vectors(p.z, p.d_model)) {
    store16(p.z + at, combine8(p.routed + c, rows, p.n_act, p.shared + at, p.d_model));
  } else {
    for (int j = 0; j < min(8, p.d_model - c); ++j) {
      float sum = 0.0f;
      for (int a = 0; a < p.n_act; ++a)
        sum += __bfloat162float(p.routed[int64_t(rows[a]) * p.d_model + c + j]);
      p.z[at + j] = __float2bfloat16_rn(sum + __bfloat162float(p.shared[at + j]));
    }
  }
}
