/** Rows of the key/value pool that each query attends to: its window, then its compressed entries; -1 where there is none. */
import type { op } from "../../kernels/attention/key_list.op.ts";
import { values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_tok, n_comp, window, ratio, n_raw, n_entry, raw0 }, r) => {
  const pos = values(t.pos); // [n_tok]
  const comp = t.comp && values(t.comp); // [n_tok, n_comp]
  const n_key = window + n_comp;
  const idx = new Float64Array(n_tok * n_key).fill(-1);
  for (let i = 0; i < n_tok; i++) {
    for (let j = 0; j < window; j++) {
      const token = pos[i] - window + 1 + j;
      if (token >= 0) idx[i * n_key + j] = token - raw0;
    }
    const visible = Math.min(Math.floor((pos[i] + 1) / ratio), n_entry);
    for (let c = 0; c < n_comp; c++) {
      const n = comp ? comp[i * n_comp + c] : c < visible ? c : -1;
      if (n >= 0) idx[i * n_key + window + c] = n_raw + n;
    }
  }
  return { idx: r.store("i32", idx, [n_tok, n_key]) };
};
