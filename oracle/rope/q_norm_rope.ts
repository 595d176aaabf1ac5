/** q / sqrt(mean(q^2) + eps) per head, without weight, then the rotation of `rope`; one rounding at the end. */
import type { op } from "../../kernels/rope/q_norm_rope.op.ts";
import { dot, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_tok, n_head, head_dim, n_freq, eps }, r) => {
  const y = Float64Array.from(values(t.q)); // [n_tok, n_head, head_dim]
  const pos = values(t.pos); // [n_tok]
  const freq = values(t.freq); // [n_freq]
  for (let i = 0; i < n_tok; i++) {
    const angle = freq.map((f) => r.f32(pos[i] * r.f32(f)));
    const cos = angle.map(Math.cos);
    const sin = angle.map(Math.sin);
    for (let h = 0; h < n_head; h++) {
      const head = y.subarray((i * n_head + h) * head_dim, (i * n_head + h + 1) * head_dim);
      const scale = 1 / Math.sqrt(dot(head, 0, head, head_dim) / head_dim + r.f32(eps));
      for (let c = 0; c < head_dim; c++) head[c] *= scale;
      for (let p = 0; p < n_freq; p++) {
        const at = head_dim - 2 * n_freq + 2 * p;
        const e = head[at];
        const o = head[at + 1];
        head[at] = e * cos[p] - o * sin[p];
        head[at + 1] = e * sin[p] + o * cos[p];
      }
    }
  }
  return { y: r.store("bf16", y, [n_tok, n_head, head_dim]) };
};
