// hc_head_split: pre = sigmoid(mix * scale + base) + eps   (DeepSeek-V4 model.py hc_head)
//   mix f32 [n_tok, hc]   scale f32 [1]   base f32 [hc]   pre f32 [n_tok, hc]
// Numerics: f32, precise expf and division.
// Parallel: a thread an element.
// Bound: launch latency.
#include "hc_head_split.h"

#include "kernels/common/mhc.cuh"

extern "C" __global__ void hc_head_split(const __grid_constant__ HcHeadSplitParams p) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= int64_t(p.n_tok) * p.hc) return;
  p.pre[i] = mhc::head_gate(p.mix[i], p.scale[0], p.base[i % p.hc], p.eps);
}
