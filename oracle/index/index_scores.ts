/** s = sum_h relu(q_h . k) * bf16(w_h * scale), q and k codes with a power-of-two scale a 1 x 32 block. No mask. */
import type { op } from "../../kernels/index/index_scores.op.ts";
import { decodeRow, dotRows, scaleBlocks, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

const BLOCK = 32;

export const exact: Exact<typeof op> = (t, { n_tok, n_head, width, n_entry, scale }, r) => {
  const per_row = Math.ceil(width / BLOCK);
  const q = Float64Array.from(values(t.q)); // [n_tok, n_head, width]
  const q_s = values(t.q_s); // [n_tok, n_head, width/32]
  for (let i = 0; i < n_tok * n_head; i++) scaleBlocks(q, i * width, width, BLOCK, q_s, i * per_row);
  const k_s = values(t.k_s); // [n_entry, width/32]
  const w = values(t.w).map((x) => r.bf16(r.f32(x * r.f32(scale)))); // [n_tok, n_head]
  const s = new Float64Array(n_tok * n_entry);
  dotRows(
    q,
    n_tok * n_head,
    width,
    n_entry,
    (n, k) => {
      decodeRow(t.k, n, width, k); // [n_entry, width]
      scaleBlocks(k, 0, width, BLOCK, k_s, n * per_row);
    },
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
