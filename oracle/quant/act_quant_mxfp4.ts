/** 1 x 32: s = 2^ceil(log2(fl32(max(amax, 6 * 2^-126) * fl32(1/6)))), q = e2m1(clamp(x / s, -6, 6)). */
import type { op } from "../../kernels/quant/act_quant_mxfp4.op.ts";
import { amax, fp4Scale, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_row, width }, r) => {
  const x = values(t.x); // [n_row, width]
  const per_row = Math.ceil(width / 32);
  const q = new Float64Array(x.length);
  const s = new Float64Array(n_row * per_row);
  for (let b = 0; b < s.length; b++) {
    const at = Math.floor(b / per_row) * width + (b % per_row) * 32;
    const n = Math.min(32, width - (b % per_row) * 32);
    s[b] = fp4Scale(amax(x, at, n));
    for (let k = at; k < at + n; k++) q[k] = x[k] / s[b];
  }
  return { q: r.store("e2m1", q, [n_row, width]), s: r.store("ue8m0", s, [n_row, per_row]) };
};
