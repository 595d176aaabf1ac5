/** Router by token id: the experts come from a table, their weights from the scores. */
import type { op } from "../../kernels/moe/gate_hash.op.ts";
import type { Tf } from "../op.ts";
import { floats, gatherRows, ints } from "../tf/io.ts";
import { program } from "../tf/program.ts";
import { routeWeights, scoresOf } from "../tf/route.ts";

export const tf: Tf<typeof op> = (t, s) => {
  const { n_tok, n_expert, n_act, route_scale } = s;
  const { score } = program(() => ({ score: scoresOf(floats(t.logits), n_tok, n_expert) }));
  const ids = Int32Array.from(gatherRows(t.tid2eid, ints(t.tok), "gate_hash.tok"));
  return {
    ids: { dtype: "i32", shape: [n_tok, n_act], data: ids },
    ...routeWeights(score.data as Float32Array, ids, n_tok, n_expert, n_act, route_scale),
  };
};
