/** y[:, g] = a[:, g] (w_g w_s)^T as a tensor program: one product a group of heads. */
import type { op } from "../../kernels/linear/grouped_linear_fp8w.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { floats, matrix } from "../tf/io.ts";
import { linear, program, put } from "../tf/program.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const a = put(floats(t.a), [s.M, s.n_group * s.K]);
    const whole = matrix(t.w, { values: t.w_s, rowBlock: 128, colBlock: 128 });
    const groups = Array.from({ length: s.n_group }, (_, g) => {
      const part = tfjs.slice(a, [0, g * s.K], [s.M, s.K]);
      return linear(part, { ...whole, row0: g * s.N, rows: s.N });
    });
    return { y: tfjs.reshape(tfjs.concat(groups, 1), [s.M, s.n_group, s.N]) };
  });
