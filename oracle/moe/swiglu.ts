/** y = bf16(g sigmoid(g) u weight), g <- min(g, limit), u <- clamp(u, -limit, limit). The gate is clamped above only. */
import type { op } from "../../kernels/moe/swiglu.op.ts";
import { clamp, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_row, d_ff, limit }, r) => {
  const g = values(t.g); // [n_row, d_ff]
  const u = values(t.u); // [n_row, d_ff]
  if ((t.weight === undefined) !== (t.row_slot === undefined))
    throw new Error(
      `swiglu: expected weight and row_slot together, got ${t.weight ? "weight" : "row_slot"} alone`,
    );
  const row_slot = t.row_slot && values(t.row_slot); // [n_row]
  const weight = t.weight && values(t.weight); // [n_slot]
  const max = r.f32(limit);
  const y = new Float64Array(g.length);
  for (let i = 0; i < n_row; i++) {
    const w = weight && row_slot ? weight[row_slot[i]] : 1;
    for (let k = i * d_ff; k < (i + 1) * d_ff; k++) {
      const gate = Math.min(g[k], max);
      y[k] = (gate / (1 + Math.exp(-gate))) * clamp(u[k], -max, max) * w;
    }
  }
  return { y: r.store("bf16", y, [n_row, d_ff]) };
};
