// topk_keys: the compressed entries that a query attends to, and its key list, in one launch
//   s f32 [n_tok, n_entry]   pos i32 [n_tok]   chosen i32 [n_tok, topk] or null   idx i32 [n_tok, window + topk]
// Numerics: comparisons and integers, as index_topk and key_list.
// Parallel: one CTA a token; the thread that finds an entry's place writes the pool row there.
#include "topk_keys.h"

#include "kernels/common/key_rows.cuh"
#include "kernels/common/topk.cuh"

extern "C" __global__ void __launch_bounds__(1024) topk_keys(const __grid_constant__ TopkKeysParams p) {
  __shared__ topk::Shared smem;
  const int64_t tok = blockIdx.x;
  const int pos = p.pos[tok];
  int32_t* const idx = p.idx + tok * (p.window + p.topk);
  int32_t* const entries = idx + p.window;
  int32_t* const chosen = p.chosen ? p.chosen + tok * p.topk : nullptr;
  const int n_raw = p.n_raw;
  for (int j = threadIdx.x; j < p.window; j += blockDim.x) idx[j] = window_row(pos, p.window, j, p.raw0);

  const int visible = max(0, min(p.n_entry, (pos + 1) / p.ratio));
  topk::select(p.s + tok * p.n_entry, visible, p.topk, smem, [=](int j, int n) {
    if (chosen) chosen[j] = n;
    entries[j] = entry_row(n, n_raw);
  });
}
