/** y[k] = bf16(post[k] z + sum_j comb[j][k] x[j]): the first index of comb is the source stream. */
import type { op } from "../../kernels/mhc/hc_post.op.ts";
import { values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_tok, hc, d_model }, r) => {
  const z = values(t.z); // [n_tok, d_model]
  const x = values(t.x); // [n_tok, hc, d_model]
  const post = values(t.post); // [n_tok, hc]
  const comb = values(t.comb); // [n_tok, hc, hc]
  const y = new Float64Array(x.length);
  for (let i = 0; i < n_tok; i++)
    for (let k = 0; k < hc; k++) {
      const to = (i * hc + k) * d_model;
      const p = post[i * hc + k];
      for (let c = 0; c < d_model; c++) y[to + c] = p * z[i * d_model + c];
      for (let j = 0; j < hc; j++) {
        const w = comb[(i * hc + j) * hc + k];
        for (let c = 0; c < d_model; c++) y[to + c] += w * x[(i * hc + j) * d_model + c];
      }
    }
  return { y: r.store("bf16", y, [n_tok, hc, d_model]) };
};
