/** Channels below n_nope: e4m3 round trip with a ue8m0 scale per 1 x block; the rotated channels are copied. */
import type { op } from "../../kernels/quant/kv_fp8_sim.op.ts";
import { amax, fp8Scale, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_row, head_dim, n_nope, block }, r) => {
  const x = values(t.x); // [n_row, head_dim]
  const y = Float64Array.from(x);
  for (let i = 0; i < n_row; i++)
    for (let b = 0; b < n_nope; b += block) {
      const at = i * head_dim + b;
      const n = Math.min(block, n_nope - b);
      const s = fp8Scale(amax(x, at, n));
      for (let k = at; k < at + n; k++) y[k] = r.e4m3(x[k] / s) * s;
    }
  return { y: r.store("bf16", y, [n_row, head_dim]) };
};
