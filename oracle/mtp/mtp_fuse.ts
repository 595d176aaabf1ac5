/** x[j] = bf16(e + h[j]). */
import type { op } from "../../kernels/mtp/mtp_fuse.op.ts";
import { values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_tok, hc, d_model }, r) => {
  const e = values(t.e); // [n_tok, d_model]
  const x = Float64Array.from(values(t.h)); // [n_tok, hc, d_model]
  for (let i = 0; i < n_tok; i++)
    for (let j = 0; j < hc; j++)
      for (let c = 0; c < d_model; c++) x[(i * hc + j) * d_model + c] += e[i * d_model + c];
  return { x: r.store("bf16", x, [n_tok, hc, d_model]) };
};
