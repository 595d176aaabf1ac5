/** mix = (x fn^T) / sqrt(mean(x^2) + eps) as a tensor program: the streams of a token are one long row. */
import type { op } from "../../kernels/mhc/hc_mix.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { floats, matrix } from "../tf/io.ts";
import { inverseRms, linear, program, put } from "../tf/program.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const x = put(floats(t.x), [s.n_tok, s.hc * s.d_model]);
    return { mix: tfjs.mul(linear(x, matrix(t.fn)), inverseRms(x, s.eps)) };
  });
