/** ids = tid2eid[token id]; weights = score / (sum of the row's n_act scores) * route_scale. */
import type { op } from "../../kernels/moe/gate_hash.op.ts";
import { sqrtSoftplus, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_tok, n_expert, n_act, vocab, route_scale }, r) => {
  const logits = values(t.logits); // [n_tok, n_expert]
  const tok = values(t.tok); // [n_tok]
  const tid2eid = values(t.tid2eid); // [vocab, n_act]
  const ids = new Float64Array(n_tok * n_act);
  const weights = new Float64Array(n_tok * n_act);
  for (let i = 0; i < n_tok; i++) {
    if (!(tok[i] >= 0 && tok[i] < vocab))
      throw new Error(`gate_hash: expected token ids in 0..${vocab - 1}, got ${tok[i]} at ${i}`);
    const row = tid2eid.subarray(tok[i] * n_act, (tok[i] + 1) * n_act);
    const score = row.map((e) => sqrtSoftplus(logits[i * n_expert + e]));
    const sum = score.reduce((a, b) => a + b);
    ids.set(row, i * n_act);
    weights.set(
      score.map((w) => (w / sum) * r.f32(route_scale)),
      i * n_act,
    );
  }
  return { ids: r.store("i32", ids, [n_tok, n_act]), weights: r.store("f32", weights, [n_tok, n_act]) };
};
