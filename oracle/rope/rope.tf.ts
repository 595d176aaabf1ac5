/** Rotary position embedding, forward or inverse, as a tensor program. */
import type { op } from "../../kernels/rope/rope.op.ts";
import type { Tf } from "../op.ts";
import { floats } from "../tf/io.ts";
import { program, put } from "../tf/program.ts";
import { rotate } from "../tf/rotate.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const x = put(floats(t.x), [s.n_row, s.n_head, s.head_dim]);
    return { y: rotate(x, floats(t.pos), floats(t.freq), s.inverse !== 0) };
  });
