// The outputs of a token's experts, added.
#pragma once
#include "kernels/common/vec.cuh"

// bf16(routed[rows[0]] + ... + routed[rows[n_act - 1]] + shared): eight channels, f32 from zero, left to right. `routed` and `shared` point
// at the first of them, in row 0 and in the token's row.
__device__ inline uint4 combine8(const bf16_t* routed, const int32_t* rows, int n_act, const bf16_t* shared, int64_t d_model) {
  float sum[8] = {}, x[8];
  for (int a = 0; a < n_act; ++a) {
    widen8(load16(routed + rows[a] * d_model), x);
#pragma unroll
    for (int j = 0; j < 8; ++j) sum[j] += x[j];
  }
  widen8(load16(shared), x);
#pragma unroll
  for (int j = 0; j < 8; ++j) sum[j] += x[j];
  return round_bf16x8(sum);
}
