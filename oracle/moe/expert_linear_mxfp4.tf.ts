/** Grouped product with MXFP4 weights as a tensor program: gather the rows of an expert, widen, multiply. */
import type { op } from "../../kernels/moe/expert_linear_mxfp4.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { perExpert } from "../tf/experts.ts";
import { dequantise, ints, matrix } from "../tf/io.ts";
import { program, put, putInts } from "../tf/program.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const widened = dequantise(matrix(t.a, { values: t.a_s, rowBlock: 1, colBlock: 128 }), 0, s.n_src);
    const source = put(widened, [s.n_src, s.K]);
    const rows = t.src_row ? ints(t.src_row) : Int32Array.from({ length: s.n_row }, (_, i) => i);
    const weights = matrix(t.w, { values: t.w_s, rowBlock: 1, colBlock: 32 });
    const y = perExpert(
      "expert_linear_mxfp4",
      t,
      s,
      (first, n) => tfjs.gather(source, putInts(rows.subarray(first, first + n), [n])),
      (slot) => ({ ...weights, row0: slot * s.N, rows: s.N }),
    );
    return { y };
  });
