/** Each stream is the token's row. The rows are gathered before they are widened: a vocabulary table need not fit in float32. */
import type { op } from "../../kernels/head/embed.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { gatherRows, ints } from "../tf/io.ts";
import { program, put } from "../tf/program.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const rows = put(gatherRows(t.table, ints(t.tok), "embed.tok"), [s.n_tok, 1, s.d_model]);
    return { x: tfjs.tile(rows, [1, s.hc, 1]) };
  });
