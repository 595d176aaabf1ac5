/** y = a x + b as a tensor program: float32 product, float32 sum. */
import type { op } from "../../kernels/skeleton/skeleton.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { floats } from "../tf/io.ts";
import { program, put } from "../tf/program.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => ({ y: tfjs.add(tfjs.mul(put(floats(t.x), [s.n]), s.a), put(floats(t.b), [s.n])) }));
