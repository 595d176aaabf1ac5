/** Router with scores sqrt(softplus(logit)): the scores are a tensor program, the order of the best is defined (tf/order.ts). */
import type { op } from "../../kernels/moe/gate_topk.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { floats } from "../tf/io.ts";
import { best } from "../tf/order.ts";
import { program, put } from "../tf/program.ts";
import { routeWeights, scoresOf } from "../tf/route.ts";

export const tf: Tf<typeof op> = (t, s) => {
  const { n_tok, n_expert, n_act, route_scale } = s;
  const { score, biased } = program(() => {
    const score = scoresOf(floats(t.logits), n_tok, n_expert);
    return { score, biased: tfjs.add(score, put(floats(t.bias), [1, n_expert])) };
  });
  const ids = new Int32Array(n_tok * n_act);
  for (let i = 0; i < n_tok; i++)
    ids.set(best(biased.data as Float32Array, i * n_expert, n_expert, n_act), i * n_act);
  return {
    ids: { dtype: "i32", shape: [n_tok, n_act], data: ids },
    ...routeWeights(score.data as Float32Array, ids, n_tok, n_expert, n_act, route_scale),
  };
};
