/** Numbers of a native tensor held against the faithful one, with the budgets that `bounds.ts` derives, in one pass. */
import type { DType, OutDecl, Scalars } from "../kernels/schema.ts";
import { values } from "../oracle/num/index.ts";
import type { Tensor } from "../oracle/tensor.ts";
import { codeOf } from "./codes.ts";
import { BLOCK, Budgets, MASSIVE, NARROW, REACH, ulpTable, type NormParts } from "./bounds.ts";
import type { Metrics } from "./result.ts";

const LARGEST: Partial<Record<DType, number>> = {
  f32: 2 ** 128 - 2 ** 104,
  bf16: 2 ** 128 - 2 ** 120,
  e4m3: 448,
  e2m1: 6,
};

/** Slices of one kind: which one is worst, its relative L2, and how much of its own bound it uses. */
export interface WorstSlice {
  readonly index: number[];
  readonly value: number;
  readonly bound: number;
}

export interface Measured {
  readonly metrics: Metrics;
  readonly rows: number;
  readonly cols: number;
  /** 1 - cosine, without the cancellation. */
  readonly angle: number;
  /** Flat index of the element with the largest share of its elementwise bound (without noise: the largest error in ulp). */
  readonly worst: number;
  /** Largest error beyond one flipped rounding, in units of REACH (d + jump). */
  readonly element_share: number;
  /** First element whose non-finite class differs, -1 when none does. */
  readonly first_nonfinite: number;
  /** First element whose bits differ (NaN equals NaN), -1 when none does. */
  readonly first_difference: number;
  /** First row beyond its limit (exact contracts: with a difference), -1 when none is. */
  readonly first_bad_row: number;
  readonly total: WorstSlice;
  readonly row: WorstSlice;
  readonly col: WorstSlice;
  readonly block: WorstSlice;
  /** Mean signed error away from zero in ulp, over the `n` elements where d < u; about `flips` of them may flip. */
  readonly bias: {
    readonly mean: number;
    readonly n: number;
    readonly flips: number;
    /** How many of the n are not the faithful value. */
    readonly moved: number;
    /** Elements that flip together. */
    readonly cluster: number;
  };
  readonly norm: NormParts;
  /** Largest elementwise share that all zeros, and that the mean everywhere, would reach. */
  readonly probe: { readonly zeros: number; readonly mean: number };
}

const f64 = new Float64Array(1);
const f64Bits = new Uint32Array(f64.buffer);
const classOf = (x: number): number => (x !== x ? 1 : x === Infinity ? 2 : x === -Infinity ? 3 : 0);

/**
 * Size of each row, for noise: its root mean square, without its few massive channels where it has some (their partial sums are
 * their own). Narrow rows take at least the median row's.
 */
function rowScales(f: Float64Array, rows: number, cols: number): Float64Array {
  const scale = new Float64Array(rows);
  for (let r = 0; r < rows; r++) {
    let [s, most] = [0, 0];
    for (let i = r * cols; i < (r + 1) * cols; i++) {
      if (!Number.isFinite(f[i])) continue;
      const x2 = f[i] * f[i];
      s += x2;
      if (x2 > most) most = x2;
    }
    scale[r] = Math.sqrt(s / cols);
    if (cols >= MASSIVE && most * MASSIVE > s) scale[r] = trimmed(f, r * cols, cols);
  }
  if (cols < NARROW && rows > 1) {
    const median = Float64Array.from(scale).sort()[rows >> 1];
    for (let r = 0; r < rows; r++) scale[r] = Math.max(scale[r], median);
  }
  return scale;
}

/** Root mean square of all but the largest 1 / MASSIVE of the elements. */
function trimmed(f: Float64Array, lo: number, cols: number): number {
  // the largest so far in falling order: few elements ever enter
  const top = new Float64Array(Math.ceil(cols / MASSIVE));
  const least = top.length - 1;
  for (let i = lo; i < lo + cols; i++) {
    const x2 = f[i] * f[i];
    if (!(x2 > top[least]) || x2 === Infinity) continue;
    let k = least;
    for (; k > 0 && top[k - 1] < x2; k--) top[k] = top[k - 1];
    top[k] = x2;
  }
  // summed apart, not subtracted: the massive ones may be 1e16 times larger
  let rest = 0;
  for (let i = lo; i < lo + cols; i++) if (f[i] * f[i] <= top[least]) rest += f[i] * f[i];
  for (const x2 of top) if (x2 === top[least]) rest -= x2;
  return Math.sqrt(Math.max(0, rest) / cols);
}

/** Writes the worst slice by share of its limit; slices without reference energy compare against nothing but their limit. */
function worstOf(
  err2: Float64Array,
  ref2: Float64Array,
  budgets: Budgets,
  locate: (i: number) => number[],
): WorstSlice {
  let at = 0;
  let most = -1;
  let limit = 0;
  for (let i = 0; i < err2.length; i++) {
    const l = budgets.limit(i, err2.length);
    const share =
      err2[i] === 0 ? 0 : l > 0 ? err2[i] / l : ref2[i] > 0 ? 1e300 * (err2[i] / ref2[i]) : Infinity;
    if (!(share <= most)) {
      most = share;
      at = i;
      limit = l;
    }
  }
  const ref = ref2[at] ?? 0;
  const rel = (x: number): number => (x === 0 ? 0 : Math.sqrt(x / ref));
  return { index: locate(at), value: rel(err2[at] ?? 0), bound: rel(limit) };
}

/** What an op's judge leaves to a right kernel; EXACT leaves nothing. */
export interface Freedom {
  readonly noise: number;
  readonly jump: number;
}
export const EXACT: Freedom = { noise: 0, jump: 0 };

/** The freedom that an output's declaration gives. */
export const freedomOf = ({ judge }: OutDecl, s: Scalars): Freedom =>
  judge.kind === "close" ? { noise: judge.noise(s), jump: judge.jump } : EXACT;

/**
 * Compares `native` with `faithful` (same shape and dtype). `freedom` is what the judge declares.
 * Elements that are not finite on either side are left out of every sum; `metrics.nonfinite` and `first_nonfinite` tell of them.
 */
export function measure(native: Tensor, faithful: Tensor, { noise, jump }: Freedom): Measured {
  const { shape, dtype } = faithful;
  const f = values(faithful);
  const x = values(native);
  const n = f.length;
  const cols = shape.length === 0 ? 1 : shape[shape.length - 1];
  const rows = cols === 0 ? 0 : n / cols;
  const per = Math.max(1, Math.ceil(cols / BLOCK));
  const scale = rowScales(f, rows, cols);
  const ulps = ulpTable(dtype);
  const largest = LARGEST[dtype] ?? Infinity;

  const rowB = new Budgets(rows);
  const colB = new Budgets(cols);
  const blockB = new Budgets(rows * per);
  const allB = new Budgets(1);
  const rowE = new Float64Array(rows);
  const rowR = new Float64Array(rows);
  const colE = new Float64Array(cols);
  const colR = new Float64Array(cols);
  const blockE = new Float64Array(rows * per);
  const blockR = new Float64Array(rows * per);
  const nonfinite = {
    native: { nan: 0, pos_inf: 0, neg_inf: 0 },
    faithful: { nan: 0, pos_inf: 0, neg_inf: 0 },
  };
  const tally = (side: "native" | "faithful", c: number): void => {
    if (c === 1) nonfinite[side].nan++;
    else if (c === 2) nonfinite[side].pos_inf++;
    else if (c === 3) nonfinite[side].neg_inf++;
  };
  const histogram: number[] = [0];
  let same = 0;
  let [first_nonfinite, first_difference, worst] = [-1, -1, 0];
  let [differ, maxUlp, max_abs, worst_share, element_share] = [0, 0, 0, -1, 0];
  let [sum_n2, systematic, variance] = [0, 0, 0];
  let [biasN, biasSum, flips, flipped, up, moved] = [0, 0, 0, 0, 0, 0];
  const zeros = { native: 0, faithful: 0 };
  const saturated = { native: 0, faithful: 0 };
  let sum = 0;
  let finite = 0;
  for (let i = 0; i < n; i++) {
    if (!Number.isFinite(f[i])) continue;
    sum += f[i];
    finite++;
  }
  const mean = finite > 0 ? sum / finite : 0;
  const probe = { zeros: 0, mean: 0 };
  const jumps = { most: 0, all: 0 };

  for (let r = 0; r < rows; r++) {
    const dRow = noise * scale[r];
    for (let c = 0; c < cols; c++) {
      const i = r * cols + c;
      const a = x[i];
      const b = f[i];
      const ca = classOf(a);
      const cb = classOf(b);
      if (ca !== 0 || cb !== 0) {
        tally("native", ca);
        tally("faithful", cb);
        if (ca !== cb) {
          differ++;
          if (first_nonfinite < 0) first_nonfinite = i;
          if (first_difference < 0) first_difference = i;
        }
        continue;
      }
      let distance = 0;
      if (a === b && a !== 0) same++;
      else if (Object.is(a, b)) same++;
      else {
        differ++;
        if (first_difference < 0) first_difference = i;
        distance = Math.abs(codeOf(native, i) - codeOf(faithful, i));
        const bin = distance < 1 ? 0 : 1 + Math.ceil(Math.log2(distance));
        while (histogram.length <= bin) histogram.push(0);
        histogram[bin]++;
        if (distance > maxUlp) maxUlp = distance;
      }
      if (a === 0) zeros.native++;
      if (b === 0) zeros.faithful++;
      if (Math.abs(a) >= largest) saturated.native++;
      if (Math.abs(b) >= largest) saturated.faithful++;

      const size = Math.abs(b);
      const e = a - b;
      const off = Math.abs(e);
      f64[0] = b;
      const u = ulps[(f64Bits[1] >>> 20) & 0x7ff];
      const d = Math.max(noise * size, dRow);
      const j = jump * Math.max(size, scale[r]);
      const reach = u + REACH * (d + j);
      const share = noise === 0 ? distance : off / reach;
      if (!(share <= worst_share)) {
        worst_share = share;
        worst = i;
      }
      if (off > u) {
        const beyond = (off - u) / (reach - u);
        if (!(beyond <= element_share)) element_share = beyond;
      }
      if (size > probe.zeros * reach) probe.zeros = size / reach;
      const toMean = Math.abs(mean - b);
      if (toMean > probe.mean * reach) probe.mean = toMean / reach;

      if (off > max_abs) max_abs = off;
      const e2 = e * e;
      const b2 = b * b;
      const k = r * per + Math.floor(c / BLOCK);
      blockE[k] += e2;
      blockR[k] += b2;
      colE[c] += e2;
      colR[c] += b2;
      sum_n2 += a * a;
      if (noise > 0) {
        blockB.add(k, u, d, j);
        colB.add(c, u, d, j);
        systematic += size * d;
        variance += b2 * d * (u + d);
      }
      const away = Math.abs(a) - size;
      if (away !== 0) {
        moved++;
        if (away > 0) up++;
      }
      if (d < u) {
        biasN++;
        biasSum += away / u;
        flips += d / u;
        if (distance !== 0) flipped++;
      }
    }
    for (let k = r * per; k < (r + 1) * per; k++) {
      rowE[r] += blockE[k];
      rowR[r] += blockR[k];
      if (noise > 0) rowB.merge(r, blockB, k);
    }
    if (noise > 0) {
      allB.mergeRow(0, rowB, r);
      if (jump > 0) {
        variance += rowR[r] * rowB.mean[r]; // errors of a row may lean one way
        const lean = Math.sqrt(rowR[r] * rowB.jump[r]);
        jumps.most = Math.max(jumps.most, lean);
        jumps.all += lean;
      }
    }
  }
  let first_bad_row = first_nonfinite < 0 || cols === 0 ? -1 : Math.floor(first_nonfinite / cols);
  for (let r = 0; r < rows && first_bad_row !== r; r++)
    if (!(rowE[r] <= rowB.limit(r, rows))) {
      first_bad_row = r;
      break;
    }
  histogram[0] += same;
  const sum_e2 = rowE.reduce((a, b) => a + b, 0);
  const sum_f2 = rowR.reduce((a, b) => a + b, 0);
  const rel_l2 = sum_e2 === 0 ? 0 : Math.sqrt(sum_e2 / sum_f2);
  const [normN, normF] = [Math.sqrt(sum_n2), Math.sqrt(sum_f2)];
  const angle = sum_e2 === 0 ? 0 : Math.max(0, sum_e2 - (normN - normF) ** 2) / (2 * normN * normF);
  const apart = sum_e2 === 0 ? 0 : sum_e2 / (sum_n2 + sum_f2); // equal to 1 - 2<x,y>/(<x,x>+<y,y>) without its cancellation
  const row = worstOf(rowE, rowR, rowB, (i) => [i]);
  const col = worstOf(colE, colR, colB, (i) => [i]);
  const block = worstOf(blockE, blockR, blockB, (i) => [Math.floor(i / per), i % per]);
  const part = (v: number): number => (n === 0 ? 0 : v / n);
  return {
    metrics: {
      n,
      differ,
      calc_diff: apart,
      cosine: 1 - angle,
      rel_l2,
      norm_ratio: sum_f2 === sum_n2 ? 1 : Math.sqrt(sum_n2 / sum_f2),
      max_abs,
      worst_row: { index: row.index, value: row.value },
      worst_col: { index: col.index, value: col.value },
      worst_block: { index: block.index, value: block.value },
      ulp: { max: maxUlp, histogram },
      bias: {
        n: moved,
        share_up: moved === 0 ? 0.5 : up / moved,
        sigma: moved === 0 ? 0 : (up - moved / 2) / (Math.sqrt(moved) / 2),
      },
      zeros: { native: part(zeros.native), faithful: part(zeros.faithful) },
      saturated: { native: part(saturated.native), faithful: part(saturated.faithful) },
      nonfinite,
    },
    rows,
    cols,
    angle,
    worst: n === 0 ? -1 : worst,
    element_share,
    first_nonfinite,
    first_difference,
    first_bad_row,
    total: {
      index: [],
      value: rel_l2,
      bound: sum_f2 === 0 ? 0 : Math.sqrt(allB.limit(0, 1) / sum_f2),
    },
    row,
    col,
    block,
    bias: {
      mean: biasN === 0 ? 0 : biasSum / biasN,
      n: biasN,
      flips,
      moved: flipped,
      cluster: jump > 0 ? cols : 1,
    },
    norm: { sum_f2, systematic, variance, jump: jumps },
    probe,
  };
}
