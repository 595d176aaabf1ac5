/**
 * Temperature <= 0: the largest logit. Else the exponential race over the smallest set of largest p that reaches top_p:
 * id = argmax p / E, E = -log(u), u from Philox4x32-10 at (seed, pos). A row without a number gives -1.
 */
import type { op } from "../../kernels/sample/sample.op.ts";
import { philox4x32, values } from "../num/index.ts";
import type { Bound, Exact, Regret, Rounding } from "../op.ts";

type S = Pick<Bound<typeof op>, "temperature" | "top_p" | "seed">;
const f32: Pick<Rounding, "f32"> = { f32: Math.fround };

/** p = softmax(logits / max(temperature, 1e-5)) */
function softmax(logits: Float64Array, temperature: number): Float64Array {
  const z = logits.map((x) => x / Math.max(temperature, 1e-5));
  const max = z.reduce((a, b) => Math.max(a, b), -Infinity);
  const p = z.map((x) => Math.exp(x - max));
  const sum = p.reduce((a, b) => a + b, 0);
  return p.map((x) => x / sum);
}

/** Probability before each id when larger p come first: id is kept when it is below top_p. Equal p share it. */
function massBefore(p: Float64Array): Float64Array {
  const order = Array.from(p.keys()).sort((a, b) => p[b] - p[a]);
  const before = new Float64Array(p.length);
  let mass = 0;
  for (let i = 0; i < order.length;) {
    let group = i + 1; // NaN equals nothing, itself included
    while (group < order.length && p[order[group]] === p[order[i]]) group++;
    for (let k = i; k < group; k++) before[order[k]] = mass;
    mass += p[order[i]] * (group - i);
    i = group;
  }
  return before;
}

/** Race values p / E. */
function race(p: Float64Array, seed: number, pos: number): Float64Array {
  const word = new Uint32Array(4);
  return p.map((x, id) => {
    if (id % 4 === 0) philox4x32([seed, pos], [id / 4, 0, 0, 0], word);
    const u = ((word[id % 4] >>> 8) + 0.5) * 2 ** -24;
    return x / -Math.log(u);
  });
}

/** Index of the largest number, ties to the lowest; -1 when there is none. */
function argmax(x: Float64Array, allowed: (i: number) => boolean = () => true): number {
  let best = -1;
  for (let i = 0; i < x.length; i++)
    if (!Number.isNaN(x[i]) && allowed(i) && (best < 0 || x[i] > x[best])) best = i;
  return best;
}

/** One row's distribution: race values, and how far below top_p each id begins (relative; kept when positive). */
function row(logits: Float64Array, pos: number, s: S, r: Pick<Rounding, "f32">) {
  const top_p = Math.max(r.f32(s.top_p), Number.MIN_VALUE); // the largest p always stays
  const p = softmax(logits, r.f32(s.temperature));
  const room = top_p >= 1 ? p.map(() => Infinity) : massBefore(p).map((m) => (top_p - m) / top_p);
  return { value: race(p, s.seed, pos), room };
}

export const exact: Exact<typeof op> = (t, { n_row, vocab, ...s }, r) => {
  const logits = values(t.logits); // [n_row, vocab]
  const pos = values(t.pos); // [n_row]
  const id = Float64Array.from({ length: n_row }, (_, i) => {
    const mine = logits.subarray(i * vocab, (i + 1) * vocab);
    if (s.temperature <= 0) return argmax(mine);
    const { value, room } = row(mine, pos[i], s, r);
    return argmax(value, (k) => room[k] > 0);
  });
  return { id: r.store("i32", id, [n_row]) };
};

/**
 * Relative. How far outside the top-p set the choice lies, or, for each id that beats it, the smaller of the race gap and of what would
 * put that id outside the set. Greedy has no rounding: anything but the contract's id is Infinity.
 */
export const regret: Regret<typeof op> = (t, { vocab, ...s }, native) => {
  const logits = values(t.logits);
  const pos = values(t.pos);
  return values(native.id).map((id, i) => {
    const mine = logits.subarray(i * vocab, (i + 1) * vocab);
    if (s.temperature <= 0) return id === argmax(mine) ? 0 : Infinity;
    const { value, room } = row(mine, pos[i], s, f32);
    if (argmax(value) < 0) return id === -1 ? 0 : Infinity;
    if (!(id >= 0 && id < vocab)) return Infinity;
    let worst = Math.max(0, -room[id]);
    for (let k = 0; k < vocab; k++)
      if (value[k] > value[id] && room[k] > 0)
        worst = Math.max(worst, Math.min((value[k] - value[id]) / value[k], room[k]));
    return worst;
  });
};
