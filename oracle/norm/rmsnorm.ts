/** y = w * x / sqrt(mean(x^2) + eps). Zhang & Sennrich 2019, eq. (4). */
import type { op } from "../../kernels/norm/rmsnorm.op.ts";
import { dot, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_row, d_model, eps }, r) => {
  const x = values(t.x); // [n_row, d_model]
  const w = values(t.w); // [d_model]
  const y = new Float64Array(n_row * d_model);
  for (let i = 0; i < n_row; i++) {
    const row = x.subarray(i * d_model, (i + 1) * d_model);
    const scale = 1 / Math.sqrt(dot(row, 0, row, d_model) / d_model + r.f32(eps));
    for (let c = 0; c < d_model; c++) y[i * d_model + c] = w[c] * (row[c] * scale);
  }
  return { y: r.store("bf16", y, [n_row, d_model]) };
};
