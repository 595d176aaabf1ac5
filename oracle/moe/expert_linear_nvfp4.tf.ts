/** Grouped product with NVFP4 weights and activations as a tensor program; the two global scales enter once, at the end. */
import type { op } from "../../kernels/moe/expert_linear_nvfp4.op.ts";
import type { Tf } from "../op.ts";
import { perExpert } from "../tf/experts.ts";
import { dequantise, floats, matrix } from "../tf/io.ts";
import { program, put } from "../tf/program.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const a = matrix(t.a, { values: t.a_s, rowBlock: 1, colBlock: 16 });
    const weights = matrix(t.w, { values: t.w_s, rowBlock: 1, colBlock: 16 });
    const [aGlobal, wGlobal] = [floats(t.a_global), floats(t.w_global)];
    const y = perExpert(
      "expert_linear_nvfp4",
      t,
      s,
      (first, n) => put(dequantise(a, first, n), [n, s.K]),
      (slot) => ({ ...weights, row0: slot * s.N, rows: s.N }),
      (e, slot) => Math.fround(aGlobal[e] * wGlobal[slot]),
    );
    return { y };
  });
