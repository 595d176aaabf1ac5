/** mix = (fn . x) / sqrt(mean(x^2) + eps), x = all streams of a token end to end; scaled after the dot product. */
import type { op } from "../../kernels/mhc/hc_mix.op.ts";
import { decodeRow, dot, dotRows, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_tok, hc, d_model, n_mix, eps }, r) => {
  const K = hc * d_model;
  const x = values(t.x); // [n_tok, hc*d_model]
  const scale = Float64Array.from({ length: n_tok }, (_, i) => {
    const row = x.subarray(i * K, (i + 1) * K);
    return 1 / Math.sqrt(dot(row, 0, row, K) / K + r.f32(eps));
  });
  const mix = new Float64Array(n_tok * n_mix);
  dotRows(
    x,
    n_tok,
    K,
    n_mix,
    (n, w) => decodeRow(t.fn, n, K, w), // [n_mix, hc*d_model]
    (n, dots) => {
      for (let i = 0; i < n_tok; i++) mix[i * n_mix + n] = dots[i] * scale[i];
    },
  );
  return { mix: r.store("f32", mix, [n_tok, n_mix]) };
};
