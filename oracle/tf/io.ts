/**
 * Storage formats to float32 and back, for the tfjs oracle only: written from the format definitions, not from `oracle/num`,
 * so that a decoding mistake on either side shows as a disagreement of oracles.
 */
import type { DType } from "../../kernels/schema.ts";
import { numel, type Storage, type Tensor } from "../tensor.ts";

/** e4m3 (bias 7, no infinity, 0x7f and 0xff NaN): value of each code. */
const E4M3 = Float32Array.from({ length: 256 }, (_, code) => {
  const exponent = (code >> 3) & 15;
  const mantissa = code & 7;
  const magnitude =
    (code & 127) === 127 ? NaN : exponent === 0 ? mantissa * 2 ** -9 : (8 + mantissa) * 2 ** (exponent - 10);
  return code & 128 ? -magnitude : magnitude;
});

/** e2m1 (bias 1, no infinity, no NaN): value of each code. */
const E2M1 = Float32Array.from({ length: 16 }, (_, code) => {
  const magnitude = [0, 0.5, 1, 1.5, 2, 3, 4, 6][code & 7];
  return code & 8 ? -magnitude : magnitude;
});

/** ue8m0: 2^(code - 127), 255 NaN. Code 0 is 2^-127, a float32 denormal. */
const UE8M0 = Float32Array.from({ length: 256 }, (_, code) => (code === 255 ? NaN : 2 ** (code - 127)));

/** Decodes elements [first, first + n) of `data`. */
function decode(dtype: DType, data: Storage, first: number, n: number): Float32Array {
  const y = new Float32Array(n);
  switch (dtype) {
    case "bf16": {
      const bits = new Uint32Array(y.buffer);
      const x = data as Uint16Array;
      for (let i = 0; i < n; i++) bits[i] = x[first + i] << 16;
      return y;
    }
    case "e4m3":
    case "ue8m0": {
      const table = dtype === "e4m3" ? E4M3 : UE8M0;
      const x = data as Uint8Array;
      for (let i = 0; i < n; i++) y[i] = table[x[first + i]];
      return y;
    }
    case "e2m1": {
      const x = data as Uint8Array;
      for (let i = 0; i < n; i++) {
        const e = first + i;
        y[i] = E2M1[(x[e >> 1] >> (4 * (e & 1))) & 15];
      }
      return y;
    }
    case "i64": {
      const x = data as BigInt64Array;
      for (let i = 0; i < n; i++) y[i] = Number(x[first + i]);
      return y;
    }
    default: {
      const x = data as Float64Array | Float32Array | Int32Array | Uint8Array;
      for (let i = 0; i < n; i++) y[i] = x[first + i];
      return y;
    }
  }
}

/** All elements of `t` as float32. A float32 tensor is returned as it is stored: do not write to the result. */
export const floats = (t: Tensor): Float32Array =>
  t.dtype === "f32" ? (t.data as Float32Array) : decode(t.dtype, t.data, 0, numel(t.shape));

/** All elements of an index tensor. */
export const ints = (t: Tensor): Int32Array =>
  t.dtype === "i32" ? (t.data as Int32Array) : Int32Array.from(floats(t));

/** Product of all dimensions but the last. */
export const nRows = (t: Tensor): number => numel(t.shape.slice(0, -1));

/** Width of the last dimension. */
export const nCols = (t: Tensor): number => t.shape[t.shape.length - 1];

/** Rows `ids` of `t` (last dimension kept) as float32, decoded after the gather, so a big table is never widened whole. */
export function gatherRows(t: Tensor, ids: ArrayLike<number>, what: string): Float32Array {
  const width = nCols(t);
  const height = nRows(t);
  const y = new Float32Array(ids.length * width);
  for (let i = 0; i < ids.length; i++) {
    if (!(ids[i] >= 0 && ids[i] < height))
      throw new Error(`${what}: expected a row in 0..${height - 1}, got ${ids[i]} at ${i}`);
    y.set(decode(t.dtype, t.data, ids[i] * width, width), i * width);
  }
  return y;
}

/** Scales of a code matrix: one per `rowBlock` x `colBlock` tile, ragged at the ends. */
export interface Scales {
  readonly values: Tensor;
  readonly rowBlock: number;
  readonly colBlock: number;
}

/** A matrix at rest: `rows` x `cols` elements of `codes` starting at row `row0`, times its scales when it has any. */
export interface Matrix {
  readonly codes: Tensor;
  readonly row0: number;
  readonly rows: number;
  readonly cols: number;
  readonly scales?: Scales;
}

/** `t` as a matrix over its last dimension. */
export const matrix = (t: Tensor, scales?: Scales): Matrix => ({
  codes: t,
  row0: 0,
  rows: nRows(t),
  cols: nCols(t),
  scales,
});

/** Rows [first, first + n) of `m`, dequantised. Codes of at most 4 significant bits times a scale are exact in float32. */
export function dequantise(m: Matrix, first: number, n: number): Float32Array {
  const { cols, scales } = m;
  const base = m.row0 + first;
  const y = decode(m.codes.dtype, m.codes.data, base * cols, n * cols);
  if (!scales) return y;
  const width = Math.ceil(cols / scales.colBlock);
  for (let i = 0; i < n; i++) {
    const row = Math.floor((base + i) / scales.rowBlock) * width;
    const s = decode(scales.values.dtype, scales.values.data, row, width);
    for (let b = 0; b < width; b++) {
      const end = Math.min((b + 1) * scales.colBlock, cols);
      for (let c = b * scales.colBlock; c < end; c++) y[i * cols + c] *= s[b];
    }
  }
  return y;
}

/** Dequantised weights by their storage: the model's tensors are values, nobody writes to one after handing it over. */
const kept = new WeakMap<Storage, Map<string, { readonly scales?: Storage; readonly y: Float32Array }>>();

/** Weights of more elements than this are dequantised anew at each call, slab by slab. */
export const KEEP_LIMIT = 2 ** 24;

/** Whole matrix of a weight, dequantised once while its storage lives (when no larger than KEEP_LIMIT). */
export function weight(m: Matrix): Float32Array {
  if (m.rows * m.cols > KEEP_LIMIT) return dequantise(m, 0, m.rows);
  let entries = kept.get(m.codes.data);
  if (!entries) kept.set(m.codes.data, (entries = new Map()));
  const key = `${m.row0},${m.rows},${m.cols}`;
  let entry = entries.get(key);
  if (!entry || entry.scales !== m.scales?.values.data)
    entries.set(key, (entry = { scales: m.scales?.values.data, y: dequantise(m, 0, m.rows) }));
  return entry.y;
}
