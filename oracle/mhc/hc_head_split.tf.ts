/** pre = sigmoid(mix scale + base) + eps as a tensor program. */
import type { op } from "../../kernels/mhc/hc_head_split.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { floats } from "../tf/io.ts";
import { program, put, sigmoid } from "../tf/program.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const scaled = tfjs.mul(put(floats(t.mix), [s.n_tok, s.hc]), floats(t.scale)[0]);
    return { pre: tfjs.add(sigmoid(tfjs.add(scaled, put(floats(t.base), [1, s.hc]))), s.eps) };
  });
