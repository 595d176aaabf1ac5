/** y = w x / sqrt(mean(x^2) + eps) as a tensor program. */
import type { op } from "../../kernels/norm/rmsnorm.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { floats } from "../tf/io.ts";
import { inverseRms, program, put } from "../tf/program.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const x = put(floats(t.x), [s.n_row, s.d_model]);
    const w = put(floats(t.w), [1, s.d_model]);
    return { y: tfjs.mul(tfjs.mul(x, inverseRms(x, s.eps)), w) };
  });
