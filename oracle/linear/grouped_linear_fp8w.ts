/** y[m, g] = bf16(a[m, g] w_g^T), w_g = rows g N .. g N + N - 1 of w * w_s; activations are not quantised. */
import type { op } from "../../kernels/linear/grouped_linear_fp8w.op.ts";
import { decodeRow, dotRows, scaleBlocks, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { M, n_group, N, K }, r) => {
  const a = values(t.a); // [M, n_group, K]
  const w_s = values(t.w_s); // [n_group*N/128, K/128]
  const y = new Float64Array(M * n_group * N);
  const mine = new Float64Array(M * K); // [M, K] of one group
  for (let g = 0; g < n_group; g++) {
    for (let m = 0; m < M; m++) mine.set(a.subarray((m * n_group + g) * K, (m * n_group + g + 1) * K), m * K);
    dotRows(
      mine,
      M,
      K,
      N,
      (n, w) => {
        const row = g * N + n;
        decodeRow(t.w, row, K, w); // [n_group*N, K]
        scaleBlocks(w, 0, K, 128, w_s, Math.floor(row / 128) * Math.ceil(K / 128));
      },
      (n, dots) => {
        for (let m = 0; m < M; m++) y[(m * n_group + g) * N + n] = dots[m];
      },
    );
  }
  return { y: r.store("bf16", y, [M, n_group, N]) };
};
