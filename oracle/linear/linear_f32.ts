/** y = a w^T, kept in f32. */
import type { op } from "../../kernels/linear/linear_f32.op.ts";
import { decodeRow, dotRows, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { M, N, K }, r) => {
  const y = new Float64Array(M * N);
  dotRows(
    values(t.a), // [M, K]
    M,
    K,
    N,
    (n, w) => decodeRow(t.w, n, K, w), // [N, K], a row at a time
    (n, dots) => {
      for (let m = 0; m < M; m++) y[m * N + n] = dots[m];
    },
  );
  return { y: r.store("f32", y, [M, N]) };
};
