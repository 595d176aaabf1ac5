/** y = (a a_s) (w w_s)^T as a tensor program: a code times a power of two is exact in float32, so both sides widen first. */
import type { op } from "../../kernels/linear/linear_fp8.op.ts";
import type { Tf } from "../op.ts";
import { dequantise, matrix } from "../tf/io.ts";
import { linear, program, put } from "../tf/program.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const a = dequantise(matrix(t.a, { values: t.a_s, rowBlock: 1, colBlock: 128 }), 0, s.M);
    return {
      y: linear(put(a, [s.M, s.K]), matrix(t.w, { values: t.w_s, rowBlock: 128, colBlock: 128 })),
    };
  });
