/** y[i] = bf16(sum over 32-blocks of K of (a . w) * a_s * w_s) with w of the row's expert. Scales are powers of two: exact. */
import type { op } from "../../kernels/moe/expert_linear_mxfp4.op.ts";
import { decodeInto, decodeRow, dotRows, scaleBlocks, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_row, n_expert, N, K }, r) => {
  const src_row = t.src_row && values(t.src_row); // [n_row]
  const offset = values(t.offset); // [n_expert+1]
  const slot = values(t.expert_slot); // [n_expert]
  const a_s = values(t.a_s); // [n_src, K/128]
  const per_row = Math.ceil(K / 32);
  const w_s = new Float64Array(per_row);
  const y = new Float64Array(n_row * N);
  for (let e = 0; e < n_expert; e++) {
    const first = offset[e];
    const rows = offset[e + 1] - first;
    if (rows === 0) continue;
    if (slot[e] < 0)
      throw new Error(`expert_linear_mxfp4: expected resident weights of expert ${e}, got slot -1`);
    const a = new Float64Array(rows * K); // [rows of e, K]
    for (let i = 0; i < rows; i++) {
      const src = src_row ? src_row[first + i] : first + i;
      decodeInto(t.a, src * K, K, a, i * K); // [n_src, K]
      scaleBlocks(a, i * K, K, 128, a_s, src * Math.ceil(K / 128));
    }
    dotRows(
      a,
      rows,
      K,
      N,
      (n, w) => {
        decodeRow(t.w, slot[e] * N + n, K, w); // [n_slot, N, K]
        decodeRow(t.w_s, slot[e] * N + n, per_row, w_s); // [n_slot, N, K/32]
        scaleBlocks(w, 0, K, 32, w_s, 0);
      },
      (n, dots) => {
        for (let i = 0; i < rows; i++) y[(first + i) * N + n] = dots[i];
      },
    );
  }
  return { y: r.store("bf16", y, [n_row, N]) };
};
