/** y = bf16(sum over 128-blocks of K of (a . w) * a_s * w_s). Scales are powers of two, so scaling first is exact too. */
import type { op } from "../../kernels/linear/linear_fp8.op.ts";
import { decodeRow, dequantise, dotRows, scaleBlocks, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { M, N, K }, r) => {
  const a = dequantise(values(t.a), values(t.a_s), M, K, 1, 128); // [M, K]
  const w_s = values(t.w_s); // [N/128, K/128]
  const y = new Float64Array(M * N);
  dotRows(
    a,
    M,
    K,
    N,
    (n, w) => {
      decodeRow(t.w, n, K, w); // [N, K]
      scaleBlocks(w, 0, K, 128, w_s, Math.floor(n / 128) * Math.ceil(K / 128));
    },
    (n, dots) => {
      for (let m = 0; m < M; m++) y[m * N + n] = dots[m];
    },
  );
  return { y: r.store("bf16", y, [M, N]) };
};
