/** Tensors to numbers and back, for every storage format. */
import type { DType } from "../../kernels/schema.ts";
import { allocate, numel, type Tensor } from "../tensor.ts";
import { bf16, e2m1, E2M1_VALUES, e4m3, E4M3_VALUES, ue8m0, UE8M0_VALUES } from "./formats.ts";

const CHUNK = 4096;
const wide = new Uint32Array(CHUNK);
const wideFloats = new Float32Array(wide.buffer);

/** Decodes `count` elements from flat index `start` into `out` at `at`; rows of big weights go through here one by one. */
export function decodeInto(t: Tensor, start: number, count: number, out: Float64Array, at = 0): void {
  const { data } = t;
  switch (t.dtype) {
    case "bf16":
      return widen(data as Uint16Array, start, count, out, at);
    case "e4m3":
      return lookUp(E4M3_VALUES, data as Uint8Array, start, count, out, at);
    case "ue8m0":
      return lookUp(UE8M0_VALUES, data as Uint8Array, start, count, out, at);
    case "e2m1":
      return unpackNibbles(data as Uint8Array, start, count, out, at);
    case "i64": {
      const src = data as BigInt64Array;
      for (let i = 0; i < count; i++) out[at + i] = Number(src[start + i]);
      return;
    }
    case "f64":
    case "f32":
    case "i32":
    case "u8":
      out.set((data as Float64Array).subarray(start, start + count), at);
  }
}

// one loop a storage class: V8 compiles a loop well when its arrays have one type

function widen(src: Uint16Array, start: number, count: number, out: Float64Array, at: number): void {
  for (let done = 0; done < count; done += CHUNK) {
    const n = Math.min(CHUNK, count - done);
    for (let i = 0; i < n; i++) wide[i] = src[start + done + i] << 16;
    for (let i = 0; i < n; i++) out[at + done + i] = wideFloats[i];
  }
}

function lookUp(
  table: Float64Array,
  src: Uint8Array,
  start: number,
  count: number,
  out: Float64Array,
  at: number,
): void {
  for (let i = 0; i < count; i++) out[at + i] = table[src[start + i]];
}

function unpackNibbles(src: Uint8Array, start: number, count: number, out: Float64Array, at: number): void {
  const table = E2M1_VALUES; // a bundler may turn an imported name into a property look-up
  for (let i = 0; i < count; i++) {
    const k = start + i;
    out[at + i] = table[(src[k >> 1] >> ((k & 1) << 2)) & 15]; // low nibble is the even index
  }
}

/** Every element as a number. An f64 tensor passes through without a copy: treat the result as read-only. */
export function values(t: Tensor): Float64Array {
  if (t.dtype === "f64") return t.data as Float64Array;
  const out = new Float64Array(numel(t.shape));
  decodeInto(t, 0, out.length, out);
  return out;
}

/** Row `row` of a tensor seen as rows of `width` elements, into `out`. */
export const decodeRow = (t: Tensor, row: number, width: number, out: Float64Array): void =>
  decodeInto(t, row * width, width, out);

/** Packs e2m1 codes (0..15) two a byte, low nibble first. */
export function packNibbles(codes: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(codes.length / 2));
  for (let i = 0; i < codes.length; i++) bytes[i >> 1] |= codes[i] << ((i & 1) << 2);
  return bytes;
}

/** Rounds each value into `dtype`'s storage (see `formats.ts`); integers must be integers that fit. */
export function encode(dtype: DType, from: ArrayLike<number>, shape: readonly number[]): Tensor {
  const t = allocate(dtype, shape);
  const n = numel(shape);
  if (from.length !== n)
    throw new Error(`encode ${dtype}[${shape.join(",")}]: expected ${n} values, got ${from.length}`);
  const x = from instanceof Float64Array ? from : Float64Array.from(from);
  switch (dtype) {
    case "bf16": {
      const code = bf16.encode;
      const dst = t.data as Uint16Array;
      for (let i = 0; i < n; i++) dst[i] = code(x[i]);
      return t;
    }
    case "e4m3": {
      const code = e4m3.encode;
      const dst = t.data as Uint8Array;
      for (let i = 0; i < n; i++) dst[i] = code(x[i]);
      return t;
    }
    case "ue8m0": {
      const code = ue8m0.encode;
      const dst = t.data as Uint8Array;
      for (let i = 0; i < n; i++) dst[i] = code(x[i]);
      return t;
    }
    case "e2m1": {
      const code = e2m1.encode;
      const dst = t.data as Uint8Array;
      for (let i = 0; i < n; i++) dst[i >> 1] |= code(x[i]) << ((i & 1) << 2);
      return t;
    }
    case "f64":
    case "f32":
      (t.data as Float64Array).set(x);
      return t;
    case "i32":
      x.forEach((v, i) => ((t.data as Int32Array)[i] = integer(dtype, v, -(2 ** 31), 2 ** 31 - 1)));
      return t;
    case "u8":
      x.forEach((v, i) => ((t.data as Uint8Array)[i] = integer(dtype, v, 0, 255)));
      return t;
    case "i64":
      x.forEach((v, i) => ((t.data as BigInt64Array)[i] = BigInt(v)));
      return t;
  }
}

function integer(dtype: DType, x: number, lo: number, hi: number): number {
  if (!Number.isInteger(x) || x < lo || x > hi)
    throw new Error(`encode ${dtype}: expected an integer in ${lo}..${hi}, got ${x}`);
  return x;
}

export { values as decode };
