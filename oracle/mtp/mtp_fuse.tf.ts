/** x[j] = e + h[j] as one broadcast addition. */
import type { op } from "../../kernels/mtp/mtp_fuse.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { floats } from "../tf/io.ts";
import { program, put } from "../tf/program.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => ({
    x: tfjs.add(put(floats(t.h), [s.n_tok, s.hc, s.d_model]), put(floats(t.e), [s.n_tok, 1, s.d_model])),
  }));
