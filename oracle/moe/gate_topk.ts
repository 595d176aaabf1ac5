/**
 * ids = the n_act largest score + bias, descending, ties to the lowest id, NaN below every number; weights = unbiased score /
 * (sum of the selected) * route_scale.
 */
import type { op } from "../../kernels/moe/gate_topk.op.ts";
import { sqrtSoftplus, values } from "../num/index.ts";
import type { Bound, Exact, In, Regret, Replay, Rounding } from "../op.ts";
import type { Tensor } from "../tensor.ts";

/** Indices of `x` by falling value; equal values by index. */
function order(x: Float64Array): number[] {
  const key = x.map((v) => (Number.isNaN(v) ? -Infinity : v));
  const nan = (i: number): number => (Number.isNaN(x[i]) ? 1 : 0);
  return Array.from(x.keys()).sort((a, b) =>
    key[a] === key[b] ? nan(a) - nan(b) || a - b : key[a] > key[b] ? -1 : 1,
  );
}

type T = In<typeof op>;
type S = Bound<typeof op>;

/** Weights of the chosen experts, `ids` [n_tok, n_act]. */
function weigh(t: T, { n_tok, n_expert, n_act, route_scale }: S, ids: Float64Array, r: Rounding): Tensor {
  const score = values(t.logits).map(sqrtSoftplus); // [n_tok, n_expert]
  const weights = new Float64Array(n_tok * n_act);
  for (let i = 0; i < n_tok; i++) {
    const mine = ids.subarray(i * n_act, (i + 1) * n_act).map((e) => score[i * n_expert + e]);
    const sum = mine.reduce((a, s) => a + s, 0);
    weights.set(
      mine.map((s) => (s / sum) * r.f32(route_scale)),
      i * n_act,
    );
  }
  return r.store("f32", weights, [n_tok, n_act]);
}

export const exact: Exact<typeof op> = (t, s, r) => {
  const { n_tok, n_expert, n_act } = s;
  const score = values(t.logits).map(sqrtSoftplus); // [n_tok, n_expert]
  const bias = values(t.bias); // [n_expert]
  const ids = new Float64Array(n_tok * n_act);
  for (let i = 0; i < n_tok; i++) {
    const biased = score.subarray(i * n_expert, (i + 1) * n_expert).map((v, e) => v + bias[e]);
    ids.set(order(biased).slice(0, n_act), i * n_act);
  }
  return { ids: r.store("i32", ids, [n_tok, n_act]), weights: weigh(t, s, ids, r) };
};

export const replay: Replay<typeof op> = (t, s, r, native) => ({
  ids: native.ids,
  weights: weigh(t, s, values(native.ids), r),
});

/** Largest shortfall of a place's biased score against the best choice for that place: order counts as well as membership. */
export const regret: Regret<typeof op> = (t, { n_tok, n_expert, n_act }, native) => {
  const logits = values(t.logits);
  const score = logits.map(sqrtSoftplus);
  const bias = values(t.bias);
  const ids = values(native.ids);
  return Float64Array.from({ length: n_tok }, (_, i) => {
    const biased = score.subarray(i * n_expert, (i + 1) * n_expert).map((v, e) => v + bias[e]);
    const mine = Array.from(ids.subarray(i * n_act, (i + 1) * n_act));
    if (mine.some((e) => !(e >= 0 && e < n_expert)) || new Set(mine).size < n_act) return Infinity;
    const best = order(biased);
    // equal inputs make equal scores in any arithmetic: there the lower id goes first, without slack
    const same = (a: number, b: number): boolean =>
      logits[i * n_expert + a] === logits[i * n_expert + b] && bias[a] === bias[b];
    const place = new Map(mine.map((e, k) => [e, k]));
    for (const [e, k] of place)
      for (let a = 0; a < e; a++) if (same(a, e) && (place.get(a) ?? Infinity) > k) return Infinity;
    // a better score than the best is as telling as a worse one: then the best is wrong
    return mine.reduce((worst, e, k) => {
      const [want, got] = [biased[best[k]], biased[e]];
      if (want === got || Number.isNaN(want)) return worst; // equal, or only NaN is left to choose
      return Number.isNaN(got) ? Infinity : Math.max(worst, Math.abs(want - got));
    }, 0);
  });
};
