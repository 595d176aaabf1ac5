/** s = k_s times the sum over heads of relu(q . k) w scale q_s as a tensor program; the sum is index_scores'. */
import type { op } from "../../kernels/index/index_scores_fp8.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { floats } from "../tf/io.ts";
import { program, put } from "../tf/program.ts";
import { weightedSums } from "./index_scores.tf.ts";

export const tf: Tf<typeof op> = (t, { n_tok, n_head, width, n_entry, scale }) =>
  program(() => {
    const heads = [n_tok, n_head];
    const weights = tfjs.mul(tfjs.mul(put(floats(t.w), heads), scale), put(floats(t.q_s), heads));
    const sums = weightedSums(floats(t.q), put(floats(t.k), [n_entry, width]), weights, width);
    return { s: tfjs.mul(sums, put(floats(t.k_s), [1, n_entry])) };
  });
