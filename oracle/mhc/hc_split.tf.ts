/** The three hyper-connection maps of a token: gates by sigmoid, the mixing matrix by Sinkhorn's alternating normalisation. */
import type { op } from "../../kernels/mhc/hc_split.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { floats } from "../tf/io.ts";
import { program, put, sigmoid, sumLast } from "../tf/program.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const { n_tok: n, hc, eps } = s;
    const scale = floats(t.scale);
    const mix = put(floats(t.mix), [n, s.n_mix]);
    const base = put(floats(t.base), [1, s.n_mix]);
    // columns [first, first + count) of mix * scale[which] + base
    const affine = (first: number, count: number, which: number): tfjs.Tensor =>
      tfjs.add(
        tfjs.mul(tfjs.slice(mix, [0, first], [n, count]), scale[which]),
        tfjs.slice(base, [0, first], [1, count]),
      );
    const logits = tfjs.reshape(affine(2 * hc, hc * hc, 2), [n, hc, hc]); // [token, source, destination]
    const flip = (c: tfjs.Tensor): tfjs.Tensor => tfjs.transpose(c, [0, 2, 1]);
    const rows = (c: tfjs.Tensor): tfjs.Tensor => tfjs.div(c, tfjs.add(sumLast(c), eps));
    // every stage divides along the last axis and turns the matrix, so the next stage sees the other one
    let c = rows(flip(tfjs.add(tfjs.softmax(logits), eps)));
    for (let i = 1; i < s.iters; i++) c = rows(flip(rows(flip(c))));
    return {
      pre: tfjs.add(sigmoid(affine(0, hc, 0)), eps),
      post: tfjs.mul(sigmoid(affine(hc, hc, 1)), 2),
      comb: flip(c),
    };
  });
