/**
 * ids = the n_act largest score + bias, descending, ties to the lowest id, NaN below every number; weights = unbiased score /
 * (sum of the selected) * route_scale.
 */
import type { op } from "../../kernels/moe/gate_topk.op.ts";
import { sqrtSoftplus, values } from "../num/index.ts";
import type { Exact, Regret } from "../op.ts";

/** Indices of `x` by falling value; equal values by index. */
function order(x: Float64Array): number[] {
  const key = x.map((v) => (Number.isNaN(v) ? -Infinity : v));
  const nan = (i: number): number => (Number.isNaN(x[i]) ? 1 : 0);
  return Array.from(x.keys()).sort((a, b) =>
    key[a] === key[b] ? nan(a) - nan(b) || a - b : key[a] > key[b] ? -1 : 1,
  );
}

export const exact: Exact<typeof op> = (t, { n_tok, n_expert, n_act, route_scale }, r) => {
  const score = values(t.logits).map(sqrtSoftplus); // [n_tok, n_expert]
  const bias = values(t.bias); // [n_expert]
  const ids = new Float64Array(n_tok * n_act);
  const weights = new Float64Array(n_tok * n_act);
  for (let i = 0; i < n_tok; i++) {
    const row = score.subarray(i * n_expert, (i + 1) * n_expert);
    const chosen = order(row.map((v, e) => v + bias[e])).slice(0, n_act);
    const sum = chosen.reduce((a, e) => a + row[e], 0);
    ids.set(chosen, i * n_act);
    weights.set(
      chosen.map((e) => (row[e] / sum) * r.f32(route_scale)),
      i * n_act,
    );
  }
  return { ids: r.store("i32", ids, [n_tok, n_act]), weights: r.store("f32", weights, [n_tok, n_act]) };
};

/** Largest shortfall of a place's biased score against the best choice for that place: order counts as well as membership. */
export const regret: Regret<typeof op> = (t, { n_tok, n_expert, n_act }, native) => {
  const score = values(t.logits).map(sqrtSoftplus);
  const bias = values(t.bias);
  const ids = values(native.ids);
  return Float64Array.from({ length: n_tok }, (_, i) => {
    const biased = score.subarray(i * n_expert, (i + 1) * n_expert).map((v, e) => v + bias[e]);
    const mine = Array.from(ids.subarray(i * n_act, (i + 1) * n_act));
    if (mine.some((e) => !(e >= 0 && e < n_expert)) || new Set(mine).size < n_act) return Infinity;
    const best = order(biased);
    return mine.reduce((worst, e, k) => {
      const [want, got] = [biased[best[k]], biased[e]];
      if (want === got || Number.isNaN(want)) return worst; // equal, or only NaN is left to choose
      return Number.isNaN(got) ? Infinity : Math.max(worst, want - got);
    }, 0);
  });
};
