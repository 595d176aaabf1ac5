/** y = bf16(sum_j pre[j] x[j]). */
import type { op } from "../../kernels/mhc/hc_collapse.op.ts";
import { values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_tok, hc, d_model }, r) => {
  const pre = values(t.pre); // [n_tok, hc]
  const x = values(t.x); // [n_tok, hc, d_model]
  const y = new Float64Array(n_tok * d_model);
  for (let i = 0; i < n_tok; i++)
    for (let j = 0; j < hc; j++) {
      const p = pre[i * hc + j];
      for (let c = 0; c < d_model; c++) y[i * d_model + c] += p * x[(i * hc + j) * d_model + c];
    }
  return { y: r.store("bf16", y, [n_tok, d_model]) };
};
