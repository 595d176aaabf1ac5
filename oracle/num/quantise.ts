/**
 * Block quantisers of weights and activations. Each takes flat values of a [rows, cols] matrix, cuts ragged edges short and
 * returns codes with their scales. The ideal policy takes the same power-of-two scales and leaves codes unrounded, so
 * codes * scale gives the input back.
 */
import type { Rounding } from "../op.ts";
import type { Tensor } from "../tensor.ts";
import { e4m3, ue8m0 } from "./formats.ts";
import { faithful } from "./policy.ts";

const INV_448 = Math.fround(1 / 448);
const INV_6 = Math.fround(1 / 6);
/** Smallest amax of an activation block in the official act_quant. */
export const FP8_FLOOR = 1e-4;
/** Smallest amax of an FP4 activation block: its scale is 2^-126. */
export const FP4_FLOOR = 6 * 2 ** -126;

/** 2^ceil(log2(fl32(max(amax, floor) * fl32(1/448)))); NaN when amax is not finite. */
export const fp8Scale = (amax: number, floor = FP8_FLOOR): number =>
  ue8m0.round(Math.fround(Math.max(amax, Math.fround(floor)) * INV_448));

/** 2^ceil(log2(fl32(max(amax, floor) * fl32(1/6)))); NaN when amax is not finite. */
export const fp4Scale = (amax: number, floor = FP4_FLOOR): number =>
  ue8m0.round(Math.fround(Math.max(amax, floor) * INV_6));

/** Largest magnitude of `count` elements from `start`; NaN when one is NaN. */
export function amax(x: ArrayLike<number>, start: number, count: number): number {
  let a = 0;
  for (let i = start; i < start + count; i++) a = Math.max(a, Math.abs(x[i]));
  return a;
}

export interface Quantised {
  readonly codes: Tensor;
  readonly scale: Tensor;
}

type ScaleOf = (amax: number) => number;

/** Cuts [rows, cols] into block_rows x block_cols tiles, divides each by its scale and leaves the rounding to `store`. */
function tiles(
  x: ArrayLike<number>,
  [rows, cols]: readonly [number, number],
  [blockRows, blockCols]: readonly [number, number],
  scaleOf: ScaleOf,
): { q: Float64Array; s: Float64Array; sShape: [number, number] } {
  const q = new Float64Array(rows * cols);
  const sShape: [number, number] = [Math.ceil(rows / blockRows), Math.ceil(cols / blockCols)];
  const s = new Float64Array(sShape[0] * sShape[1]);
  for (let bi = 0; bi < sShape[0]; bi++)
    for (let bj = 0; bj < sShape[1]; bj++) {
      const r1 = Math.min(rows, (bi + 1) * blockRows);
      const c0 = bj * blockCols;
      const n = Math.min(cols - c0, blockCols);
      let a = 0;
      for (let i = bi * blockRows; i < r1; i++) a = Math.max(a, amax(x, i * cols + c0, n));
      const scale = scaleOf(a);
      s[bi * sShape[1] + bj] = scale;
      for (let i = bi * blockRows; i < r1; i++)
        for (let k = i * cols + c0; k < i * cols + c0 + n; k++) q[k] = x[k] / scale;
    }
  return { q, s, sShape };
}

/** A block of zeros keeps scale 1. */
const orOne =
  (scaleOf: ScaleOf): ScaleOf =>
  (a) =>
    a === 0 ? 1 : scaleOf(a);

/** FP8 activations: 1 x block along cols (128 in linears, 64 in the KV cache, 32 in fused experts). */
export function quantFp8Rows(
  x: ArrayLike<number>,
  rows: number,
  cols: number,
  block: number,
  floor = FP8_FLOOR,
  r: Rounding = faithful,
): Quantised {
  const { q, s, sShape } = tiles(x, [rows, cols], [1, block], (a) => fp8Scale(a, floor));
  return { codes: r.store("e4m3", q, [rows, cols]), scale: r.store("ue8m0", s, sShape) };
}

/** FP8 weights: 128 x 128 tiles, ue8m0 scales. */
export function quantFp8Weight(
  x: ArrayLike<number>,
  rows: number,
  cols: number,
  r: Rounding = faithful,
): Quantised {
  const scaleOf = orOne((a) => fp8Scale(a, 0));
  const { q, s, sShape } = tiles(x, [rows, cols], [128, 128], scaleOf);
  return { codes: r.store("e4m3", q, [rows, cols]), scale: r.store("ue8m0", s, sShape) };
}

/** MXFP4 weights: 1 x 32 blocks, ue8m0 scales. */
export function quantMxfp4(
  x: ArrayLike<number>,
  rows: number,
  cols: number,
  r: Rounding = faithful,
): Quantised {
  const scaleOf = orOne((a) => fp4Scale(a, 0));
  const { q, s, sShape } = tiles(x, [rows, cols], [1, 32], scaleOf);
  return { codes: r.store("e2m1", q, [rows, cols]), scale: r.store("ue8m0", s, sShape) };
}

export interface QuantisedNvfp4 extends Quantised {
  /** The f32 factor that all blocks share. */
  readonly global: number;
}

/** amax / (6 * 448) in f32: the global scale that uses the whole range of e4m3 block scales. */
export const nvfp4Global = (a: number): number => Math.fround(a / (6 * 448));

/**
 * NVFP4 weights: 1 x 16 blocks, e4m3 block scale clamp(amax / (6 global), 2^-9, 448), 1 for a zero block; `global` defaults to
 * the tensor's own (w1 and w3 of one expert share theirs: pass it). Ideal leaves block scales unrounded as well.
 */
export function quantNvfp4Weight(
  x: ArrayLike<number>,
  rows: number,
  cols: number,
  global: number = nvfp4Global(amax(x, 0, x.length)),
  r: Rounding = faithful,
): QuantisedNvfp4 {
  const block = orOne((a) => r.e4m3(Math.min(Math.max(r.f32(a / r.f32(6 * global)), 2 ** -9), e4m3.max)));
  const g = global === 0 ? 1 : global;
  const { q, s, sShape } = tiles(x, [rows, cols], [1, 16], (a) => block(a));
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < cols; k++) {
      const at = i * cols + k;
      q[at] = r.f32(x[at] / r.f32(s[i * sShape[1] + (k >> 4)] * g));
    }
  return { codes: r.store("e2m1", q, [rows, cols]), scale: r.store("e4m3", s, sShape), global };
}

/** One 1 x 16 block of NVFP4 activations: its e4m3 scale and its divisor (0: every code is 0). */
export function nvfp4Block(a: number, global: number, r: Rounding): { s: number; div: number } {
  const s = r.e4m3(Math.min(r.f32(a / r.f32(6 * global)), e4m3.max));
  return { s, div: r.f32(s * global) };
}

/** NVFP4 activations of one expert: 1 x 16 blocks under a calibrated `global`. */
export function quantNvfp4Rows(
  x: ArrayLike<number>,
  rows: number,
  cols: number,
  global: number,
  r: Rounding = faithful,
): Quantised {
  const perRow = Math.ceil(cols / 16);
  const q = new Float64Array(rows * cols);
  const s = new Float64Array(rows * perRow);
  for (let b = 0; b < s.length; b++) {
    const start = Math.floor(b / perRow) * cols + (b % perRow) * 16;
    const n = Math.min(16, cols - (b % perRow) * 16);
    const block = nvfp4Block(amax(x, start, n), global, r);
    s[b] = block.s;
    for (let k = start; k < start + n; k++) q[k] = block.div === 0 ? 0 : r.f32(x[k] / block.div);
  }
  return { codes: r.store("e2m1", q, [rows, cols]), scale: r.store("e4m3", s, [rows, perRow]) };
}

/** Codes times scales of a block-quantised matrix, as numbers. */
export function dequantise(
  codes: Float64Array,
  scale: Float64Array,
  rows: number,
  cols: number,
  blockRows: number,
  blockCols: number,
): Float64Array {
  const perRow = Math.ceil(cols / blockCols);
  const out = new Float64Array(rows * cols);
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < cols; k++)
      out[i * cols + k] =
        codes[i * cols + k] * scale[Math.floor(i / blockRows) * perRow + Math.floor(k / blockCols)];
  return out;
}
