/** s = sum_h relu(q_h . k) * bf16(w_h * scale). No mask. */
import type { op } from "../../kernels/index/index_scores.op.ts";
import { decodeRow, dotRows, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_tok, n_head, width, n_entry, scale }, r) => {
  const q = values(t.q); // [n_tok, n_head, width]
  const w = values(t.w).map((x) => r.bf16(r.f32(x * r.f32(scale)))); // [n_tok, n_head]
  const s = new Float64Array(n_tok * n_entry);
  dotRows(
    q,
    n_tok * n_head,
    width,
    n_entry,
    (n, k) => decodeRow(t.k, n, width, k), // [n_entry, width]
    (n, dots) => {
      for (let i = 0; i < n_tok; i++) {
        let sum = 0;
        for (let h = i * n_head; h < (i + 1) * n_head; h++) sum += Math.max(dots[h], 0) * w[h];
        s[i * n_entry + n] = sum;
      }
    },
  );
  return { s: r.store("f32", s, [n_tok, n_entry]) };
};
