/** Per-head RMS without a weight, then the rotation, as a tensor program. */
import type { op } from "../../kernels/rope/q_norm_rope.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { floats } from "../tf/io.ts";
import { inverseRms, program, put } from "../tf/program.ts";
import { rotate } from "../tf/rotate.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const q = put(floats(t.q), [s.n_tok, s.n_head, s.head_dim]);
    return { y: rotate(tfjs.mul(q, inverseRms(q, s.eps)), floats(t.pos), floats(t.freq), false) };
  });
