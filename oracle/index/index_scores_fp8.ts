/** s = k_s * sum_h relu(q_h . k) * v_h with the query's scale in v_h = f32(f32(w_h * scale) * q_s_h), q and k e4m3 codes. No mask. */
import type { op } from "../../kernels/index/index_scores_fp8.op.ts";
import { decodeRow, dotRows, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_tok, n_head, width, n_entry, scale }, r) => {
  const q = Float64Array.from(values(t.q)); // [n_tok, n_head, width]
  const q_s = values(t.q_s); // [n_tok, n_head]
  const k_s = values(t.k_s); // [n_entry]
  const v = values(t.w).map((w, i) => r.f32(r.f32(w * r.f32(scale)) * q_s[i])); // [n_tok, n_head]
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
        for (let h = i * n_head; h < (i + 1) * n_head; h++) sum += Math.max(dots[h], 0) * v[h];
        s[i * n_entry + n] = r.f32(sum) * k_s[n];
      }
    },
  );
  return { s: r.store("f32", s, [n_tok, n_entry]) };
};
