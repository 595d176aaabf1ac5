/** y = sum over streams of pre x as a tensor program: one broadcast product a stream. */
import type { op } from "../../kernels/mhc/hc_collapse.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { floats } from "../tf/io.ts";
import { program, put } from "../tf/program.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const pre = put(floats(t.pre), [s.n_tok, s.hc]);
    const x = put(floats(t.x), [s.n_tok, s.hc * s.d_model]);
    let y: tfjs.Tensor = tfjs.zeros([s.n_tok, s.d_model]);
    for (let j = 0; j < s.hc; j++) {
      const stream = tfjs.slice(x, [0, j * s.d_model], [s.n_tok, s.d_model]);
      y = tfjs.add(y, tfjs.mul(stream, tfjs.slice(pre, [0, j], [s.n_tok, 1])));
    }
    return { y };
  });
