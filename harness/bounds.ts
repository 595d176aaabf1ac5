/**
 * Where every bound comes from. A faithful oracle rounds v to f; a legal kernel rounds v + delta, because it may add in another
 * order or use an approximate function. The op's declaration gives e, the relative size of delta. So, for one element:
 *
 *   d = e * max(|f|, scale of the row)    what may differ before the store (a small element of a row suffers the row's error)
 *   u = ulp(f) in the output's dtype      what one flipped rounding costs
 *   P(flip) <= d / u                      a rounding flips when v lies within d of a border between two values u apart;
 *                                         for bf16 and |f| near the row's scale that is at most 2 e / 2^-8
 *   E (n - f)^2 <= u^2 * d / u + d^2 = u d + d^2
 *
 * An op may declare a jump: noise that flips a rounding inside it, of which every element of a row sees a share. It is rare, so it
 * changes no mean, only what a row, a block or an element may be off by at most.
 *
 * Sums of such terms over a slice (tensor, row, column, 1 x 128 block) are sums of independent non-negative variables: flips
 * depend on where v lies between two values, which is unrelated from element to element, even when delta itself is common to a
 * row. Bernstein's inequality turns the mean into a limit that a healthy slice passes with probability 1 - 1e-9 over all slices.
 */
import type { DType } from "../kernels/schema.ts";

/** e and jump speak of a row as a whole; of a million normal values the largest is 5 times their root mean square. */
export const REACH = 5;
/** Slices with fewer elements are judged element by element: in them one flip is all that a bound could be. */
export const MIN_SLICE = 8;
/** Width of a block in the worst-block metric: the quantisation block of the model's formats and a tile column of its kernels. */
export const BLOCK = 128;
/** log(1e9): a false alarm a billion slices. */
const CONFIDENCE = Math.log(1e9);
/** Standard deviations granted to sums of many small terms (two-sided 2e-9). */
const SIGMAS = 6;
/** Rows narrower than this borrow scale from the other rows: one number near zero says nothing about the row's size. */
export const NARROW = 16;

/** In rows at least this wide an element with more than 1 / MASSIVE of the energy is a massive channel. */
export const MASSIVE = 64;

/** Bump when a formula here changes: rows under different bounds are not comparable. */
export const TOLERANCE_VERSION = "2";

const MANTISSA: Partial<Record<DType, readonly [bits: number, minExponent: number]>> = {
  f64: [52, -1074],
  f32: [23, -149],
  bf16: [7, -133],
  e4m3: [3, -9],
  e2m1: [1, -1],
};

/** Spacing of `dtype` at |x|, by the biased exponent of x as a double (`exponentOf`); integers: 1. */
export function ulpTable(dtype: DType): Float64Array {
  const [bits, min] = MANTISSA[dtype] ?? [0, 0];
  return Float64Array.from({ length: 2048 }, (_, e) =>
    MANTISSA[dtype] === undefined ? 1 : 2 ** Math.max(e - 1023 - bits, min),
  );
}

/** Sums over one slice, enough to bound its squared error. */
export class Budgets {
  /** Expected squared error. */
  readonly mean: Float64Array;
  /** Bound on the variance: E X^2 <= max X * E X, term by term. */
  readonly variance: Float64Array;
  /** The largest single term. */
  readonly peak: Float64Array;
  /** All elements off by as much as one element may be. */
  readonly cap: Float64Array;
  /** What one jump of an inner rounding does to the whole slice. */
  readonly jump: Float64Array;

  constructor(n: number) {
    this.mean = new Float64Array(n);
    this.variance = new Float64Array(n);
    this.peak = new Float64Array(n);
    this.cap = new Float64Array(n);
    this.jump = new Float64Array(n);
  }

  /** An element with spacing u, noise d and jump j. */
  add(i: number, u: number, d: number, j: number): void {
    const mean = d * (u + d);
    const reach = u + REACH * (d + j);
    const most = reach * reach;
    this.mean[i] += mean;
    this.variance[i] += mean * most;
    if (most > this.peak[i]) this.peak[i] = most;
    this.cap[i] += most;
    this.jump[i] += j * j;
  }

  /** Adds slice `j` of `from`, which shares its jumps, into slice `i`. */
  merge(i: number, from: Budgets, j: number): void {
    this.mean[i] += from.mean[j];
    this.variance[i] += from.variance[j];
    if (from.peak[j] > this.peak[i]) this.peak[i] = from.peak[j];
    this.cap[i] += from.cap[j];
    this.jump[i] += from.jump[j];
  }

  /** Adds slice `j` of `from`, whose jumps are its own: one of many terms of the sum over slices. */
  mergeRow(i: number, from: Budgets, j: number): void {
    this.mean[i] += from.mean[j];
    this.variance[i] += from.variance[j] + from.mean[j] * from.jump[j];
    this.peak[i] = Math.max(this.peak[i], from.peak[j], from.jump[j]);
    this.cap[i] += from.cap[j];
  }

  /** Limit of ||n - f||^2 over slice `i` when `slices` slices are looked at. */
  limit(i: number, slices: number): number {
    // P(S > mean + t) <= exp(-t^2 / (2 variance + 2 peak t / 3)), solved for t
    const log = CONFIDENCE + Math.log(Math.max(1, slices));
    const third = (this.peak[i] * log) / 3;
    const t = third + Math.sqrt(third * third + 2 * this.variance[i] * log);
    return Math.min(this.mean[i] + this.jump[i] + t, this.cap[i]);
  }
}

/** calc_diff = ||n - f||^2 / (||n||^2 + ||f||^2), and ||n|| >= (1 - r) ||f|| for a relative error r. */
export const calcDiffBound = (r: number): number => (r * r) / (1 + Math.max(0, 1 - r) ** 2);

/** 1 - cos <= ||n - f||^2 / (2 ||n|| ||f||). */
export const cosineBound = (r: number): number => (r < 1 ? Math.min(2, (r * r) / (2 * (1 - r))) : 2);

/**
 * | ||n|| / ||f|| - 1 | <= <f, n - f> / ||f||^2 + r^2 / 2. The first term has a systematic part, sum |f| d (a row whose scale is
 * off by e), and a random part, the flips, whose variance is sum f^2 (u d + d^2). Where rows jump, each by up to ||f|| ||jump|| of the
 * row, Bernstein's inequality adds 2/3 of its largest term, and no more than all rows' terms.
 */
export const normRatioBound = ({ sum_f2, systematic, variance, jump }: NormParts, r: number): number =>
  sum_f2 === 0
    ? 0
    : (systematic + SIGMAS * Math.sqrt(variance) + Math.min((2 / 3) * CONFIDENCE * jump.most, jump.all)) /
        sum_f2 +
      (r * r) / 2;

/** What the norm ratio's bound is made of. */
export interface NormParts {
  readonly sum_f2: number;
  readonly systematic: number;
  readonly variance: number;
  /** ||f|| ||jump||: of the row where it is largest, and summed over rows. */
  readonly jump: { readonly most: number; readonly all: number };
}

/**
 * Mean signed error away from zero, in ulp, over elements where d < u. Flips are a binomial sample with P <= d / u: if all of the
 * noise leans one way the mean is sum (d / u) / n, and the sample adds its own spread. Truncation gives -1/2. Where jumps move
 * whole rows, a sample is a row of `cluster` elements.
 */
export const biasBound = (n: number, flips: number, cluster: number): number =>
  n === 0 ? 0 : (flips + SIGMAS * Math.sqrt(cluster * (flips + cluster))) / n;

/**
 * Share of elements with d < u that are not the faithful value. A binomial sample with P <= d / u each: unlike a sum of squares it
 * does not drown in one massive channel. Accumulating or storing through a narrower format flips far more.
 */
export const flipBound = biasBound;

/** used / allowed. A bound of zero is used up by anything, and by NaN. */
export const shareOf = (value: number, bound: number): number => {
  if (value === 0) return 0;
  return bound > 0 ? value / bound : Infinity;
};
