/** Elements of a stored tensor as people look them up: bits, place among the representable values, coordinates. */
import type { Tensor } from "../oracle/tensor.ts";

/** Bits of element `i` of a format of sign and magnitude as an ordered integer; both zeros are 0. Integers: themselves. */
export function codeOf(t: Tensor, i: number): number {
  switch (t.dtype) {
    case "f32": {
      f32[0] = Number(t.data[i]);
      return signed(f32Bits[0], 0x7fffffff);
    }
    case "bf16":
      return signed(Number(t.data[i]), 0x7fff);
    case "e4m3":
      return signed(Number(t.data[i]), 0x7f);
    case "e2m1":
      return signed((Number(t.data[i >> 1]) >> ((i & 1) << 2)) & 15, 7);
    default:
      return Number(t.data[i]);
  }
}
const signed = (bits: number, mask: number): number => (bits > mask ? -(bits & mask) : bits);
const f32 = new Float32Array(1);
const f32Bits = new Uint32Array(f32.buffer);

/** Storage bits of element `i`, hexadecimal. */
export function bitsOf(t: Tensor, i: number): string {
  const hex = (v: number | bigint, digits: number): string => `0x${v.toString(16).padStart(digits, "0")}`;
  switch (t.dtype) {
    case "f64": {
      const b = new BigUint64Array(Float64Array.of(Number(t.data[i])).buffer);
      return hex(b[0], 16);
    }
    case "f32":
      return hex(new Uint32Array(t.data.buffer, t.data.byteOffset, t.data.length)[i], 8);
    case "i32":
      return hex(Number(t.data[i]) >>> 0, 8);
    case "i64":
      return hex(BigInt.asUintN(64, BigInt(t.data[i])), 16);
    case "bf16":
      return hex(Number(t.data[i]), 4);
    case "e2m1":
      return hex((Number(t.data[i >> 1]) >> ((i & 1) << 2)) & 15, 1);
    default:
      return hex(Number(t.data[i]), 2);
  }
}

/** Coordinates of flat index `i`. */
export function unravel(i: number, shape: readonly number[]): number[] {
  const at: number[] = shape.map(() => 0);
  for (let k = shape.length - 1; k >= 0; k--) {
    at[k] = i % shape[k];
    i = Math.floor(i / shape[k]);
  }
  return at;
}
