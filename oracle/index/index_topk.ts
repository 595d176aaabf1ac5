/**
 * Of the entries n < floor((pos + 1) / ratio) the topk largest scores, ties to the lowest index, NaN below every number; ascending
 * index order, then -1.
 */
import type { op } from "../../kernels/index/index_topk.op.ts";
import { values } from "../num/index.ts";
import type { Bound, Exact, In, Regret } from "../op.ts";

type T = In<typeof op>;
type S = Bound<typeof op>;

/** Each token's visible scores. */
function visible(t: T, { n_tok, n_entry, ratio }: S): Float64Array[] {
  const s = values(t.s); // [n_tok, n_entry]
  const pos = values(t.pos); // [n_tok]
  return Array.from({ length: n_tok }, (_, i) =>
    s.subarray(i * n_entry, i * n_entry + Math.min(n_entry, Math.floor((pos[i] + 1) / ratio))),
  );
}

function select(row: Float64Array, topk: number): number[] {
  const before = (a: number, b: number): number => {
    const [x, y] = [row[a], row[b]];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || a - b;
    return x === y ? a - b : x > y ? -1 : 1;
  };
  const best = Array.from(row.keys()).sort(before).slice(0, topk);
  return best.sort((a, b) => a - b);
}

export const exact: Exact<typeof op> = (t, s, r) => {
  const idx = new Float64Array(s.n_tok * s.topk).fill(-1);
  visible(t, s).forEach((row, i) => idx.set(select(row, s.topk), i * s.topk));
  return { idx: r.store("i32", idx, [s.n_tok, s.topk]) };
};

/**
 * Best score left out minus worst score taken. Infinity: not ascending, masked, duplicate, a wrong count, or a set that is as good but
 * breaks the tie rule: the scores are inputs, so nothing excuses it.
 */
export const regret: Regret<typeof op> = (t, s, native) => {
  const idx = values(native.idx);
  return Float64Array.from(visible(t, s), (row, i) => {
    const mine = Array.from(idx.subarray(i * s.topk, (i + 1) * s.topk));
    const want = select(row, s.topk);
    const taken = mine.slice(0, want.length);
    const legal =
      taken.every((n, k) => n >= 0 && n < row.length && (k === 0 || n > taken[k - 1])) &&
      mine.slice(want.length).every((n) => n === -1);
    if (!legal) return Infinity;
    if (taken.every((n, k) => n === want[k])) return 0;
    const missed = want.filter((n) => !taken.includes(n)).map((n) => row[n]);
    const extra = taken.filter((n) => !want.includes(n)).map((n) => row[n]);
    const gap = Math.max(...missed) - Math.min(...extra);
    return gap > 0 ? gap : Infinity;
  });
};
