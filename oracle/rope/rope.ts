/** Last 2 * n_freq channels as pairs (e, o) times exp(i pos freq), conjugate when inverse; other channels copied. */
import type { op } from "../../kernels/rope/rope.op.ts";
import { values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_row, n_head, head_dim, n_freq, inverse }, r) => {
  const y = Float64Array.from(values(t.x)); // [n_row, n_head, head_dim]
  const pos = values(t.pos); // [n_row]
  const freq = values(t.freq); // [n_freq]
  for (let i = 0; i < n_row; i++)
    for (let p = 0; p < n_freq; p++) {
      const angle = r.f32(pos[i] * r.f32(freq[p]));
      const cos = Math.cos(angle);
      const sin = inverse === 0 ? Math.sin(angle) : -Math.sin(angle);
      for (let h = 0; h < n_head; h++) {
        const at = (i * n_head + h + 1) * head_dim - 2 * n_freq + 2 * p;
        const e = y[at];
        const o = y[at + 1];
        y[at] = e * cos - o * sin;
        y[at + 1] = e * sin + o * cos;
      }
    }
  return { y: r.store("bf16", y, [n_row, n_head, head_dim]) };
};
