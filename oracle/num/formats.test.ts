import { describe, expect, it } from "vitest";
import { bf16, e2m1, e4m3, fma32, ue8m0 } from "./formats.ts";

/** Rounding by definition: the nearest of all finite values, the even code on a tie. */
function nearestOf(codes: readonly number[], decode: (c: number) => number, x: number): number {
  let best = codes[0];
  for (const c of codes) {
    const d = Math.abs(decode(c) - x) - Math.abs(decode(best) - x);
    if (d < 0 || (d === 0 && (c & 1) === 0)) best = c;
  }
  return best;
}
const range = (lo: number, hi: number): number[] => Array.from({ length: hi - lo }, (_, i) => lo + i);

describe("bf16", () => {
  it("round trips every bit pattern", () => {
    for (const c of range(0, 65536)) {
      const x = bf16.decode(c);
      if (Number.isNaN(x)) expect(bf16.encode(x)).toBe(0x7fc0);
      else if (bf16.encode(x) !== c) expect(bf16.encode(x)).toBe(c);
    }
  });
  it("rounds ties to even, also between subnormals and into infinity", () => {
    expect(bf16.round(1 + 2 ** -8)).toBe(1);
    expect(bf16.round(1 + 3 * 2 ** -8)).toBe(1 + 2 ** -6);
    expect(bf16.encode(2 ** -134)).toBe(0); // half the smallest subnormal
    expect(bf16.encode(3 * 2 ** -134)).toBe(2);
    expect(bf16.round(-255.5 * 2 ** 120)).toBe(-Infinity);
    expect(bf16.encode(3.38953139e38)).toBe(0x7f7f);
    expect(bf16.encode(-0)).toBe(0x8000);
  });
  it("rounds a double once: a value just off a tie does not fall onto it in f32", () => {
    expect(bf16.round(1 + 2 ** -8 + 2 ** -40)).toBe(1 + 2 ** -7);
    expect(bf16.round(1 + 3 * 2 ** -8 - 2 ** -40)).toBe(1 + 2 ** -7);
    expect(bf16.round(-1 - 2 ** -8 - 2 ** -40)).toBe(-1 - 2 ** -7);
  });
});

describe("e4m3", () => {
  it("round trips every bit pattern", () => {
    for (const c of range(0, 256)) {
      const x = e4m3.decode(c);
      if ((c & 0x7f) === 0x7f) expect(x).toBeNaN();
      else expect(e4m3.encode(x)).toBe(c);
    }
    expect(e4m3.encode(NaN)).toBe(0x7f);
    expect(e4m3.round(NaN)).toBeNaN();
  });
  it("is the nearest code, even on ties, at and around every midpoint", () => {
    const codes = range(0, 0x7f);
    for (const c of range(0, 0x7e)) {
      const mid = (e4m3.decode(c) + e4m3.decode(c + 1)) / 2;
      for (const x of [mid, mid * (1 + 2 ** -40), mid * (1 - 2 ** -40)]) {
        expect(e4m3.encode(x)).toBe(nearestOf(codes, e4m3.decode, x));
        expect(e4m3.encode(-x)).toBe(0x80 | e4m3.encode(x));
      }
    }
  });
  it("known answers", () => {
    expect(e4m3.round(1.0625)).toBe(1);
    expect(e4m3.round(1.1875)).toBe(1.25);
    expect(e4m3.round(2 ** -10)).toBe(0);
    expect(e4m3.round(3 * 2 ** -10)).toBe(2 ** -8);
    expect(e4m3.encode(3 * 2 ** -10)).toBe(2);
    for (const x of [448, 449, 464, 1e9, Infinity]) {
      expect(e4m3.encode(x)).toBe(0x7e);
      expect(e4m3.encode(-x)).toBe(0xfe);
    }
  });
});

describe("e2m1", () => {
  it("round trips every code", () => {
    for (const c of range(0, 16)) expect(e2m1.encode(e2m1.decode(c))).toBe(c);
  });
  it("known ties, saturation, NaN", () => {
    const ties = [0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5];
    expect(ties.map(e2m1.round)).toEqual([0, 1, 1, 2, 2, 4, 4]);
    expect(ties.map((x) => e2m1.round(-x))).toEqual([-0, -1, -1, -2, -2, -4, -4]);
    for (const x of ties)
      for (const y of [x * (1 + 2 ** -40), x * (1 - 2 ** -40)])
        expect(e2m1.encode(y)).toBe(nearestOf(range(0, 8), e2m1.decode, y));
    expect([6, 7, Infinity, -7].map(e2m1.round)).toEqual([6, 6, 6, -6]);
    expect(e2m1.encode(NaN)).toBe(7);
    expect(e2m1.round(NaN)).toBeNaN();
  });
});

describe("ue8m0", () => {
  it("round trips every bit pattern", () => {
    for (const c of range(0, 255)) expect(ue8m0.encode(ue8m0.decode(c))).toBe(c);
    expect(ue8m0.decode(255)).toBeNaN();
    expect([NaN, Infinity, -1].map(ue8m0.encode)).toEqual([255, 255, 255]);
  });
  it("takes the next power of two at the smallest excess and saturates", () => {
    for (const e of range(-126, 127)) {
      expect(ue8m0.encode(2 ** e * (1 + 2 ** -23))).toBe(e + 128);
      expect(ue8m0.encode(2 ** e * (1 - 2 ** -24))).toBe(e + 127);
    }
    expect(ue8m0.encode(0)).toBe(0);
    expect(ue8m0.encode(2 ** -149)).toBe(0);
    expect(ue8m0.encode(1.5 * 2 ** -127)).toBe(1);
    expect(ue8m0.encode(3.4e38)).toBe(254);
  });
});

describe("fma32", () => {
  it("rounds once where f64 then f32 rounds twice", () => {
    // 1 + 2^-24 is a tie of f32; the addend decides it but is below the last bit of the f64 sum
    const a = 1 + 2 ** -12;
    const tie = a * a - 1 - 2 ** -11; // 2^-24
    expect(tie).toBe(2 ** -24);
    for (const sign of [1, -1]) {
      const c = sign * 2 ** -80;
      expect(Math.fround(a * a + c)).toBe(Math.fround(1 + 2 ** -11)); // what two roundings give
      expect(fma32(a, a, c)).toBe(1 + 2 ** -11 + (sign > 0 ? 2 ** -23 : 0));
      expect(fma32(-a, a, -c)).toBe(-fma32(a, a, c));
    }
  });
  it("agrees with plain arithmetic where that is exact, and passes infinities and NaN", () => {
    expect(fma32(3, 4, 5)).toBe(17);
    expect(fma32(2, -8, 16)).toBe(0);
    expect(fma32(Infinity, 1, 1)).toBe(Infinity);
    expect(fma32(0, Infinity, 1)).toBeNaN();
    expect(fma32(3e38, 2, 0)).toBe(Infinity);
  });
});
