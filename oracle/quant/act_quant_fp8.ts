/** 1 x block: s = 2^ceil(log2(fl32(max(amax, floor) * fl32(1/448)))), q = e4m3(clamp(x / s, -448, 448)). */
import type { op } from "../../kernels/quant/act_quant_fp8.op.ts";
import { quantFp8Rows, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { M, K, block, floor }, r) => {
  const { codes, scale } = quantFp8Rows(values(t.x), M, K, block, floor, r);
  return { q: codes, s: scale };
};
