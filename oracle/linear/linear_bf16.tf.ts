/** y = a w^T as a tensor program. */
import type { op } from "../../kernels/linear/linear_bf16.op.ts";
import type { Tf } from "../op.ts";
import { floats, matrix } from "../tf/io.ts";
import { linear, program, put } from "../tf/program.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => ({ y: linear(put(floats(t.a), [s.M, s.K]), matrix(t.w)) }));
