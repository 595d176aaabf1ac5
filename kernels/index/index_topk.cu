// index_topk: the compressed entries that a query attends to.
//
//   of n < visible = min(n_entry, floor((pos + 1) / ratio)): the topk largest s[tok][n], ties to the lowest
//   index, NaN below every number; written in ascending index order, then -1
//
// cite      DeepSeek-V4 inference/model.py Indexer.forward: masked topk
// shapes    s f32 [n_tok, n_entry], pos i32 [n_tok] -> idx i32 [n_tok, topk]; any sizes
// numerics  comparisons only
// parallel  one CTA a token: a radix select (topk.cuh)
#include "index_topk.h"

#include "kernels/common/topk.cuh"

extern "C" __global__ void __launch_bounds__(1024) index_topk(const __grid_constant__ IndexTopkParams p) {
  __shared__ topk::Shared smem;
  int32_t* idx = p.idx + int64_t(blockIdx.x) * p.topk;
  const int visible = max(0, min(p.n_entry, (p.pos[blockIdx.x] + 1) / p.ratio));
  topk::select(p.s + int64_t(blockIdx.x) * p.n_entry, visible, p.topk, smem, [=](int j, int n) { idx[j] = n; });
}
