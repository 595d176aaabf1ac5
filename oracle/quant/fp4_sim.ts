/** 1 x block round trip: s = 2^ceil(log2(max(amax, 6 * 2^-126) / 6)), y = bf16(e2m1(clamp(x / s, -6, 6)) * s). */
import type { op } from "../../kernels/quant/fp4_sim.op.ts";
import { amax, fp4Scale, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_row, width, block }, r) => {
  const x = values(t.x); // [n_row, width]
  const y = new Float64Array(x.length);
  for (let i = 0; i < n_row; i++)
    for (let b = 0; b < width; b += block) {
      const at = i * width + b;
      const n = Math.min(block, width - b);
      const s = fp4Scale(amax(x, at, n));
      for (let k = at; k < at + n; k++) y[k] = r.e2m1(x[k] / s) * s;
    }
  return { y: r.store("bf16", y, [n_row, width]) };
};
