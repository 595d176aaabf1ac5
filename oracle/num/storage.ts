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
      for (let done = 0; done < count; done += CHUNK) {
        const n = Math.min(CHUNK, count - done);
        const src = data as Uint16Array;
        for (let i = 0; i < n; i++) wide[i] = src[start + done + i] << 16;
        for (let i = 0; i < n; i++) out[at + done + i] = wideFloats[i];
      }
      return;
    case "e4m3":
      return lookUp(E4M3_VALUES, data as Uint8Array, start, count, out, at);
    case "ue8m0":
      return lookUp(UE8M0_VALUES, data as Uint8Array, start, count, out, at);
    case "e2m1": {
      const src = data as Uint8Array;
      for (let i = 0; i < count; i++) {
        const k = start + i;
        out[at + i] = E2M1_VALUES[(src[k >> 1] >> ((k & 1) << 2)) & 15]; // low nibble is the even index
      }
      return;
    }
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

function lookUp(
  table: Float64Array,
  src: Uint8Array,
  start: number,
  count: number,
  out: Float64Array,
  at: number,
) {
  for (let i = 0; i < count; i++) out[at + i] = table[src[start + i]];
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
  switch (dtype) {
    case "bf16":
      return each(t, from, bf16.encode);
    case "e4m3":
      return each(t, from, e4m3.encode);
    case "ue8m0":
      return each(t, from, ue8m0.encode);
    case "e2m1": {
      const dst = t.data as Uint8Array;
      for (let i = 0; i < n; i++) dst[i >> 1] |= e2m1.encode(from[i]) << ((i & 1) << 2);
      return t;
    }
    case "f64":
    case "f32":
      (t.data as Float64Array).set(from);
      return t;
    case "i32":
      return each(t, from, (x) => integer(dtype, x, -(2 ** 31), 2 ** 31 - 1));
    case "u8":
      return each(t, from, (x) => integer(dtype, x, 0, 255));
    case "i64": {
      const dst = t.data as BigInt64Array;
      for (let i = 0; i < n; i++) dst[i] = BigInt(from[i]);
      return t;
    }
  }
}

function each(t: Tensor, from: ArrayLike<number>, code: (x: number) => number): Tensor {
  const dst = t.data as Uint8Array;
  for (let i = 0; i < from.length; i++) dst[i] = code(from[i]);
  return t;
}

function integer(dtype: DType, x: number, lo: number, hi: number): number {
  if (!Number.isInteger(x) || x < lo || x > hi)
    throw new Error(`encode ${dtype}: expected an integer in ${lo}..${hi}, got ${x}`);
  return x;
}

export { values as decode };
