/** y[k] = post[k] z + sum over j of comb[j][k] x[j] as a tensor program: one outer product a source stream. */
import type { op } from "../../kernels/mhc/hc_post.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { floats } from "../tf/io.ts";
import { program, put } from "../tf/program.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const { n_tok: n, hc, d_model: d } = s;
    const x = put(floats(t.x), [n, hc, d]);
    const comb = put(floats(t.comb), [n, hc, hc]);
    // [n, hc, 1] * [n, 1, d]
    let y: tfjs.Tensor = tfjs.mul(put(floats(t.post), [n, hc, 1]), put(floats(t.z), [n, 1, d]));
    for (let j = 0; j < hc; j++) {
      const to = tfjs.reshape(tfjs.slice(comb, [0, j, 0], [n, 1, hc]), [n, hc, 1]);
      y = tfjs.add(y, tfjs.mul(to, tfjs.slice(x, [0, j, 0], [n, 1, d])));
    }
    return { y };
  });
