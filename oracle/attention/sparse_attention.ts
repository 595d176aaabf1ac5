/**
 * o = bf16(sum_j bf16(P_j) v_j / (sum_j P_j + 2^(sink log2(e) - m))), P_j = 2^(t_j - m), t_j = (q . k_j) * scale * log2(e),
 * m = ceil(max_j t_j), v = k.
 */
import type { op } from "../../kernels/attention/sparse_attention.op.ts";
import { decodeRow, dotRows, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

/** Lowest finite f32: the anchor of scores that are all -Infinity. */
const LOWEST = -(2 ** 128 - 2 ** 104);

export const exact: Exact<typeof op> = (t, { n_tok, n_head, head_dim, n_key, scale }, r) => {
  const q = values(t.q); // [n_tok, n_head, head_dim]
  const idx = values(t.idx); // [n_tok, n_key]
  const sink = values(t.sink); // [n_head]
  const log2e = r.f32(Math.LOG2E);
  const toLog2 = r.f32(r.f32(scale) * log2e);
  const per_tok = n_head * head_dim;
  const o = new Float64Array(n_tok * per_tok);
  const keys = new Float64Array((n_key + 3) * head_dim); // gathered rows, padded to a multiple of 4
  for (let i = 0; i < n_tok; i++) {
    const rows = idx.subarray(i * n_key, (i + 1) * n_key).filter((k) => k >= 0);
    const n = rows.length;
    if (n === 0) continue; // no key: zeros
    keys.fill(0, n * head_dim);
    const scores = new Float64Array(n_head * n); // [n_head, n]
    dotRows(
      q.subarray(i * per_tok, (i + 1) * per_tok),
      n_head,
      head_dim,
      n,
      (j, k) => {
        decodeRow(t.kv, rows[j], head_dim, k); // [n_kv, head_dim]
        keys.set(k, j * head_dim);
      },
      (j, dots) => {
        for (let h = 0; h < n_head; h++) scores[h * n + j] = r.f32(r.f32(dots[h]) * toLog2);
      },
    );
    const P = new Float64Array(n + 3);
    for (let h = 0; h < n_head; h++) {
      let m = LOWEST;
      for (let j = 0; j < n; j++) m = Math.max(m, Math.ceil(scores[h * n + j]));
      let sum = 0;
      for (let j = 0; j < n; j++) {
        const p = 2 ** (scores[h * n + j] - m);
        sum += p; // the sum keeps the unrounded P
        P[j] = r.bf16(p);
      }
      if (sum === 0) continue; // no score above -Infinity: zeros
      const L = sum + r.f32(2 ** (r.f32(r.f32(sink[h]) * log2e) - m));
      const out = o.subarray(i * per_tok + h * head_dim, i * per_tok + (h + 1) * head_dim);
      for (let j = 0; j < n; j += 4) add4(out, P, j, keys, head_dim);
      for (let c = 0; c < head_dim; c++) out[c] /= L;
    }
  }
  return { o: r.store("bf16", o, [n_tok, n_head, head_dim]) };
};

/** out += P[j] v_j + .. + P[j+3] v_{j+3} */
function add4(out: Float64Array, P: Float64Array, j: number, v: Float64Array, d: number): void {
  const [p0, p1, p2, p3] = [P[j], P[j + 1], P[j + 2], P[j + 3]];
  const v0 = j * d;
  const v1 = v0 + d;
  const v2 = v1 + d;
  const v3 = v2 + d;
  for (let c = 0; c < d; c++) out[c] += p0 * v[v0 + c] + p1 * v[v1 + c] + (p2 * v[v2 + c] + p3 * v[v3 + c]);
}
