/** y[i] = bf16(fl32(a_global w_global) * sum over 16-blocks of K of (a . w) * a_s * w_s) with w of the row's expert. */
import type { op } from "../../kernels/moe/expert_linear_nvfp4.op.ts";
import { decodeInto, decodeRow, dotRows, scaleBlocks, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_row, n_expert, N, K }, r) => {
  const offset = values(t.offset); // [n_expert+1]
  const slot = values(t.expert_slot); // [n_expert]
  const a_global = values(t.a_global); // [n_expert]
  const w_global = values(t.w_global); // [n_slot]
  const a_s = values(t.a_s); // [n_row, K/16]
  const per_row = Math.ceil(K / 16);
  const w_s = new Float64Array(per_row);
  const y = new Float64Array(n_row * N);
  for (let e = 0; e < n_expert; e++) {
    const first = offset[e];
    const rows = offset[e + 1] - first;
    if (rows === 0) continue;
    if (slot[e] < 0)
      throw new Error(`expert_linear_nvfp4: expected resident weights of expert ${e}, got slot -1`);
    const a = new Float64Array(rows * K); // [rows of e, K]
    decodeInto(t.a, first * K, rows * K, a); // [n_row, K]
    for (let i = 0; i < rows; i++) scaleBlocks(a, i * K, K, 16, a_s, (first + i) * per_row);
    const global = r.f32(a_global[e] * w_global[slot[e]]);
    dotRows(
      a,
      rows,
      K,
      N,
      (n, w) => {
        decodeRow(t.w, slot[e] * N + n, K, w); // [n_slot, N, K]
        decodeRow(t.w_s, slot[e] * N + n, per_row, w_s); // [n_slot, N, K/16]
        scaleBlocks(w, 0, K, 16, w_s, 0);
      },
      (n, dots) => {
        for (let i = 0; i < rows; i++) y[(first + i) * N + n] = dots[i] * global;
      },
    );
  }
  return { y: r.store("bf16", y, [n_row, N]) };
};
