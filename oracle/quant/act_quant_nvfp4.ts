/** 1 x 16: s = e4m3(min(amax / (6 g), 448)), q = e2m1(x / (s g)), each step one f32 operation; s g = 0 gives zero codes. */
import type { op } from "../../kernels/quant/act_quant_nvfp4.op.ts";
import { amax, nvfp4Block, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_row, K }, r) => {
  const x = values(t.x); // [n_src, K]
  const src_row = t.src_row && values(t.src_row); // [n_row]
  const row_expert = values(t.row_expert); // [n_row]
  const global = values(t.global); // [n_expert]
  const per_row = Math.ceil(K / 16);
  const q = new Float64Array(n_row * K);
  const s = new Float64Array(n_row * per_row);
  for (let i = 0; i < n_row; i++) {
    const from = (src_row ? src_row[i] : i) * K;
    const g = global[row_expert[i]];
    for (let b = 0; b < per_row; b++) {
      const n = Math.min(16, K - b * 16);
      const block = nvfp4Block(amax(x, from + b * 16, n), g, r);
      s[i * per_row + b] = block.s;
      if (block.div === 0) continue;
      for (let k = b * 16; k < b * 16 + n; k++) q[i * K + k] = r.f32(x[from + k] / block.div);
    }
  }
  return { q: r.store("e2m1", q, [n_row, K]), s: r.store("e4m3", s, [n_row, per_row]) };
};
