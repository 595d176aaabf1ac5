/**
 * pre = sigmoid(mix * scale0 + base) + eps, post = 2 sigmoid(mix * scale1 + base), comb = Sinkhorn of exp(mix * scale2 + base):
 * row softmax + eps, column normalise, then iters - 1 times rows and columns, each divisor + eps.
 */
import type { op } from "../../kernels/mhc/hc_split.op.ts";
import { sigmoid, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_tok, hc, n_mix, eps, iters }, r) => {
  const mix = values(t.mix); // [n_tok, (2+hc)*hc]: pre, post, comb row by row
  const [scale0, scale1, scale2] = values(t.scale);
  const base = values(t.base); // [n_mix]
  const e = r.f32(eps);
  const pre = new Float64Array(n_tok * hc);
  const post = new Float64Array(n_tok * hc);
  const comb = new Float64Array(n_tok * hc * hc); // [n_tok, source, destination]
  for (let i = 0; i < n_tok; i++) {
    const at = (m: number, scale: number): number => mix[i * n_mix + m] * scale + base[m];
    for (let j = 0; j < hc; j++) {
      pre[i * hc + j] = sigmoid(at(j, scale0)) + e;
      post[i * hc + j] = 2 * sigmoid(at(hc + j, scale1));
    }
    const C = comb.subarray(i * hc * hc, (i + 1) * hc * hc);
    for (let k = 0; k < hc * hc; k++) C[k] = at(2 * hc + k, scale2);
    for (let j = 0; j < hc; j++) {
      const row = C.subarray(j * hc, (j + 1) * hc);
      const max = Math.max(...row);
      row.forEach((c, k) => (row[k] = Math.exp(c - max)));
      const sum = row.reduce((a, b) => a + b);
      row.forEach((c, k) => (row[k] = c / sum + e));
    }
    normalise(C, hc, 1, e); // columns
    for (let n = 1; n < iters; n++) {
      normalise(C, 1, hc, e); // rows
      normalise(C, hc, 1, e);
    }
  }
  return {
    pre: r.store("f32", pre, [n_tok, hc]),
    post: r.store("f32", post, [n_tok, hc]),
    comb: r.store("f32", comb, [n_tok, hc, hc]),
  };
};

/** Divides each line (elements `step` apart, lines `next` apart) of the square C by its sum + eps. */
function normalise(C: Float64Array, step: number, next: number, eps: number): void {
  const n = Math.sqrt(C.length);
  for (let line = 0; line < n; line++) {
    let sum = eps;
    for (let k = 0; k < n; k++) sum += C[line * next + k * step];
    for (let k = 0; k < n; k++) C[line * next + k * step] /= sum;
  }
}
