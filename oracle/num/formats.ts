/**
 * Scalar codecs of the storage formats, bit exact. Every encoder takes any number and rounds it once, ties to even; none
 * goes through a logarithm. Sources: IEEE 754-2019 4.3.1; OCP OFP8 1.0 (e4m3fn); OCP MX 1.0 (e2m1, ue8m0).
 */

const f64 = new Float64Array(1);
const f64Bits = new Uint32Array(f64.buffer); // [low, high]: every platform of this project is little endian
const f32 = new Float32Array(1);
const f32Bits = new Uint32Array(f32.buffer);

/** Nearest integer, ties to even, of 0 <= y < 2^51: the addition leaves no fraction bits. */
const nearest = (y: number): number => y + 2 ** 52 - 2 ** 52;

/** bf16: the upper half of an f32. One rounding from the double, not two through f32; NaN becomes the quiet 0x7fc0. */
export const bf16 = {
  encode(x: number): number {
    f32[0] = x;
    const f = f32[0];
    if (f !== f) return 0x7fc0;
    const hi = f32Bits[0] >>> 16;
    const lo = f32Bits[0] & 0xffff;
    if (lo !== 0x8000) return lo > 0x8000 ? hi + 1 : hi;
    // f sits on a tie; when it got there by rounding, the double still knows on which side it was
    const up = f === x ? (hi & 1) === 1 : Math.abs(x) > Math.abs(f);
    return up ? hi + 1 : hi;
  },
  decode(code: number): number {
    f32Bits[0] = code << 16;
    return f32[0];
  },
  round: (x: number): number => bf16.decode(bf16.encode(x)),
} as const;

/** 2^(3 - e) for e = -6 .. 8: brings a significand to 8 .. 16. */
const UNIT = Float64Array.from({ length: 15 }, (_, i) => 2 ** (9 - i));

/** e4m3fn: bias 7, largest 448, no infinity, NaN 0x7f. Saturates as the official clamp to +-448 does. */
export const e4m3 = {
  max: 448,
  encode(x: number): number {
    if (x !== x) return 0x7f;
    f64[0] = x;
    const hi = f64Bits[1];
    const sign = (hi >>> 24) & 0x80;
    const a = Math.abs(x);
    if (a >= 448) return sign | 0x7e;
    if (a < 2 ** -6) return sign | nearest(a * 512); // subnormal step 2^-9; 8 is the first normal code
    const e = ((hi >>> 20) & 0x7ff) - 1023;
    return sign | (((e + 7) << 3) + nearest(a * UNIT[e + 6]) - 8); // a significand of 16 carries into the exponent
  },
  decode: (code: number): number => E4M3_VALUES[code],
  /** NaN stays NaN. */
  round: (x: number): number => E4M3_VALUES[e4m3.encode(x)],
} as const;

/** Value of each e4m3fn code. */
export const E4M3_VALUES = Float64Array.from({ length: 256 }, (_, c) => {
  const e = (c >> 3) & 15;
  const m = c & 7;
  const a = (c & 0x7f) === 0x7f ? NaN : e === 0 ? m * 2 ** -9 : (8 + m) * 2 ** (e - 10);
  return c & 0x80 ? -a : a;
});

/** Value of each e2m1 code; bit 3 is the sign. */
export const E2M1_VALUES = Float64Array.of(0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6);

/** e2m1: saturates at +-6. It has no NaN: the code of NaN is 7 (+6), as cvt.rn.satfinite gives. */
export const e2m1 = {
  max: 6,
  encode(x: number): number {
    if (x !== x) return 7;
    f64[0] = x;
    const a = Math.abs(x);
    // ties go to the even code, so every second boundary belongs to the lower side
    const code =
      a <= 1.25
        ? a <= 0.25
          ? 0
          : a < 0.75
            ? 1
            : 2
        : a < 1.75
          ? 3
          : a <= 2.5
            ? 4
            : a < 3.5
              ? 5
              : a <= 5
                ? 6
                : 7;
    return ((f64Bits[1] >>> 28) & 8) | code;
  },
  decode: (code: number): number => E2M1_VALUES[code & 15],
  /** NaN stays NaN as long as it is a number; only its stored code loses it. */
  round: (x: number): number => (x !== x ? x : E2M1_VALUES[e2m1.encode(x)]),
} as const;

/** Value of each ue8m0 code: 2^(code - 127); 255 is NaN. */
export const UE8M0_VALUES = Float64Array.from({ length: 256 }, (_, c) => (c === 255 ? NaN : 2 ** (c - 127)));

/** ue8m0: the smallest power of two not below x, exponent taken from the bits. Saturates at 2^127; NaN, inf, x < 0: NaN. */
export const ue8m0 = {
  encode(x: number): number {
    if (!(x >= 0 && x < Infinity)) return 255;
    f64[0] = x;
    const hi = f64Bits[1];
    const mantissa = (hi & 0xfffff) | f64Bits[0];
    const e = ((hi >>> 20) & 0x7ff) - 1023 + (mantissa !== 0 ? 1 : 0);
    return Math.min(Math.max(e + 127, 0), 254);
  },
  decode: (code: number): number => UE8M0_VALUES[code],
  round: (x: number): number => UE8M0_VALUES[ue8m0.encode(x)],
} as const;

/**
 * fl32(a * b + c) with one rounding, for a, b, c on the f32 grid. The product is exact in f64; the sum is first rounded
 * to odd, so that the second rounding to f32 cannot see a false tie (Boldo & Melquiond 2008).
 */
export function fma32(a: number, b: number, c: number): number {
  const p = a * b;
  const s = p + c;
  const bb = s - p;
  const err = p - (s - bb) + (c - bb); // exact error of s (Knuth's two-sum)
  if (err === 0 || !Number.isFinite(err)) return Math.fround(s);
  f64[0] = s;
  if ((f64Bits[0] & 1) === 0) {
    if (err > 0 === s > 0) f64Bits[0] |= 1;
    else {
      if (f64Bits[0] === 0) f64Bits[1] -= 1;
      f64Bits[0] -= 1;
    }
  }
  return Math.fround(f64[0]);
}
