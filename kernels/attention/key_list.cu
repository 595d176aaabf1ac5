// key_list: which pool rows a query attends to: the sliding window, then compressed entries.
//
//   slot j < window:   t = pos - window + 1 + j; idx = t - raw0, -1 when t < 0
//   slot window + c:   n = comp[c], or c when comp is null and c < min(n_entry, floor((pos + 1) / ratio));
//                      idx = n_raw + n, -1 where there is none
//
// cite      DeepSeek-V4 inference/model.py get_window_topk_idxs, get_compress_topk_idxs
// shapes    pos i32 [n_tok], comp i32 [n_tok, n_comp] or null -> idx i32 [n_tok, window + n_comp]
// numerics  integers
// parallel  one CTA a token, a thread a slot
#include "key_list.h"

#include "kernels/common/key_rows.cuh"

extern "C" __global__ void __launch_bounds__(128) key_list(const __grid_constant__ KeyListParams p) {
  const int tok = blockIdx.x, n_slot = p.window + p.n_comp;
  const int pos = p.pos[tok];
  const int visible = p.ratio > 0 ? min(p.n_entry, (pos + 1) / p.ratio) : 0;
  for (int j = threadIdx.x; j < n_slot; j += blockDim.x) {
    int idx;
    if (j < p.window) {
      idx = window_row(pos, p.window, j, p.raw0);
    } else {
      const int c = j - p.window;
      const int n = p.comp ? p.comp[int64_t(tok) * p.n_comp + c] : c < visible ? c : -1;
      idx = entry_row(n, p.n_raw);
    }
    p.idx[int64_t(tok) * n_slot + j] = idx;
  }
}
