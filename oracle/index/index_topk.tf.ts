/** The best visible entries of each query, in ascending index order, by a selection with a defined order (see tf/order.ts). */
import type { op } from "../../kernels/index/index_topk.op.ts";
import type { Tf } from "../op.ts";
import { floats, ints } from "../tf/io.ts";
import { best } from "../tf/order.ts";

export const tf: Tf<typeof op> = (t, s) => {
  const scores = floats(t.s);
  const idx = new Int32Array(s.n_tok * s.topk).fill(-1);
  ints(t.pos).forEach((pos, i) => {
    const visible = Math.min(Math.floor((pos + 1) / s.ratio), s.n_entry);
    const chosen = best(scores, i * s.n_entry, visible, s.topk).sort((a, b) => a - b);
    idx.set(chosen, i * s.topk);
  });
  return { idx: { dtype: "i32", shape: [s.n_tok, s.topk], data: idx } };
};
