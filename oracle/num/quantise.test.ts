import { describe, expect, it } from "vitest";
import * as num from "./index.ts";
import type { Tensor } from "../tensor.ts";

const log2 = (s: number): number => num.ue8m0.encode(s) - 127;
const codesOf = (t: Tensor): number[] => Array.from(t.data as Uint8Array);

describe("power-of-two scales", () => {
  it("FP8 exponents, floor 1e-4", () => {
    const amax = [0, 1e-4, 0.1, 0.75, 1, 3.5, 3.515625, 6, 448, 450, 1000];
    expect(amax.map((a) => log2(num.fp8Scale(a)))).toEqual([-22, -22, -12, -9, -8, -7, -6, -6, 0, 1, 2]);
  });
  it("FP4 exponents, floor 6 * 2^-126", () => {
    expect([0, 0.75, 1, 3, 6, 6.03125, 12].map((a) => log2(num.fp4Scale(a)))).toEqual([
      -126, -3, -2, -1, 0, 1, 1,
    ]);
  });
  it("a block that is not finite has a NaN scale", () => {
    expect([NaN, Infinity].map((a) => num.fp8Scale(a))).toEqual([NaN, NaN]);
    expect([NaN, Infinity].map((a) => num.fp4Scale(a))).toEqual([NaN, NaN]);
  });
});

describe("storage", () => {
  it("e2m1 packs the even index into the low nibble, odd counts too", () => {
    const t = num.encode("e2m1", [1, -6, 0.5], [3]);
    expect(codesOf(t)).toEqual([0xf2, 0x01]);
    expect(Array.from(num.values(t))).toEqual([1, -6, 0.5]);
    expect(Array.from(num.packNibbles([2, 15, 1]))).toEqual([0xf2, 0x01]);
  });
  it("every dtype round trips and rows decode alone", () => {
    for (const dtype of ["f64", "f32", "bf16", "e4m3", "e2m1", "i32", "i64", "u8"] as const) {
      const t = num.encode(dtype, [0, 1, 2, 3, 4, 6], [2, 3]);
      expect(Array.from(num.values(t)), dtype).toEqual([0, 1, 2, 3, 4, 6]);
      const row = new Float64Array(3);
      num.decodeRow(t, 1, 3, row);
      expect(Array.from(row), dtype).toEqual([3, 4, 6]);
    }
    expect(Array.from(num.values(num.encode("ue8m0", [1, 0.3, 4], [3])))).toEqual([1, 0.5, 4]);
  });
  it("decodes long bf16 rows across its chunks", () => {
    const t = num.encode(
      "bf16",
      Float64Array.from({ length: 10000 }, (_, i) => (i % 251) - 100),
      [10000],
    );
    const out = new Float64Array(9003);
    num.decodeInto(t, 997, 9000, out, 3);
    expect(out.every((x, i) => x === (i < 3 ? 0 : ((i - 3 + 997) % 251) - 100))).toBe(true);
  });
  it("refuses what does not fit, in one sentence", () => {
    expect(() => num.encode("i32", [0.5], [1])).toThrow("encode i32: expected an integer");
    expect(() => num.encode("bf16", [0], [2])).toThrow("encode bf16[2]: expected 2 values, got 1");
  });
  it("policies: ideal keeps doubles and integers, faithful the declared dtype", () => {
    const x = 1 + 2 ** -30;
    expect(num.ideal.store("bf16", [x], [1])).toEqual({ dtype: "f64", shape: [1], data: Float64Array.of(x) });
    expect(num.ideal.store("i32", [3], [1]).dtype).toBe("i32");
    expect(num.faithful.store("bf16", [x], [1])).toEqual(num.encode("bf16", [1], [1]));
    expect([num.ideal.f32(x), num.faithful.f32(x), num.faithful.bf16(1.005)]).toEqual([x, 1, 1.0078125]);
  });
});

const wave = (n: number, amp = 1): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => amp * Math.fround(Math.sin(1 + i * 1.7) * (1 + (i % 13))));

describe("block quantisers", () => {
  it("FP8 weight: one scale a 128 x 128 tile, ragged edges, zero tile keeps scale 1", () => {
    const x = new Float64Array(129 * 130);
    x[0] = 448;
    x[129] = 1000; // column tile 1
    x[128 * 130] = 3.5; // row tile 1
    const { codes, scale } = num.quantFp8Weight(x, 129, 130);
    expect(scale.shape).toEqual([2, 2]);
    expect(Array.from(num.values(scale))).toEqual([1, 4, 2 ** -7, 1]);
    const c = num.values(codes);
    expect([c[0], c[129], c[128 * 130]]).toEqual([448, 256, 448]);
  });
  it("a value keeps within half a step of its block, and ideal gives it back exactly", () => {
    const x = wave(4 * 96, 37);
    for (const [q, b, relative, ofAmax] of [
      [num.quantFp8Rows(x, 4, 96, 64), 64, 2 ** -4, 2 ** -9 / 448],
      [num.quantMxfp4(x, 4, 96), 32, 2 ** -2, 1 / 12],
    ] as const) {
      const y = num.dequantise(num.values(q.codes), num.values(q.scale), 4, 96, 1, b);
      y.forEach((v, i) => {
        const row = Math.floor(i / 96) * 96;
        const k0 = row + Math.floor((i % 96) / b) * b;
        const a = num.amax(x, k0, Math.min(b, row + 96 - k0));
        expect(Math.abs(v - x[i])).toBeLessThanOrEqual(Math.max(relative * Math.abs(x[i]), ofAmax * a));
      });
    }
    for (const [q, b] of [
      [num.quantFp8Rows(x, 4, 96, 64, 1e-4, num.ideal), 64],
      [num.quantMxfp4(x, 4, 96, num.ideal), 32],
    ] as const)
      expect(num.dequantise(num.values(q.codes), num.values(q.scale), 4, 96, 1, b)).toEqual(x);
  });
  it("MXFP4: 1 x 32 blocks of a row, ties to the even code", () => {
    const x = new Float64Array(64);
    x.set([6, 0.25, 0.75, 5, -3.5]);
    const { codes, scale } = num.quantMxfp4(x, 1, 64);
    expect(Array.from(num.values(scale))).toEqual([1, 1]);
    expect(Array.from(num.values(codes).subarray(0, 5))).toEqual([6, 0, 1, 4, -4]);
  });
  it("NVFP4 weight: block and global scale, zero block 1, floor 2^-9", () => {
    const x = new Float64Array(48);
    x[0] = 2688; // block scale 448, global 1
    x[16] = 1e-3;
    const { codes, scale, global } = num.quantNvfp4Weight(x, 1, 48);
    expect(global).toBe(1);
    expect(Array.from(num.values(scale))).toEqual([448, 2 ** -9, 1]);
    expect([num.values(codes)[0], num.values(codes)[16]]).toEqual([6, 0.5]); // 1e-3 / 2^-9 = 0.512
    expect(num.quantNvfp4Weight(x, 1, 48, 2).scale.data).toEqual(
      num.encode("e4m3", [224, 2 ** -9, 1], [3]).data,
    );
    const zero = num.quantNvfp4Weight(new Float64Array(16), 1, 16);
    expect([zero.global, num.values(zero.scale)[0], num.values(zero.codes)[0]]).toEqual([0, 1, 0]);
  });
  it("NVFP4 rows: scale rounds to e4m3, saturates at 448, underflow gives zero codes", () => {
    const x = new Float64Array(48);
    x.set([6.6, 3], 0);
    x[16] = 1e6;
    x[32] = 1e-4;
    const { codes, scale } = num.quantNvfp4Rows(x, 1, 48, 1);
    expect(Array.from(num.values(scale))).toEqual([1.125, 448, 0]); // 1.1 -> 1.125
    const c = num.values(codes);
    expect([c[0], c[1], c[16], c[32]]).toEqual([6, 3, 6, 0]); // 5.87, 2.67
  });
  it("NaN marks its block and no other", () => {
    const x = wave(256);
    x[5] = NaN;
    const { codes, scale } = num.quantFp8Rows(x, 1, 256, 128);
    expect(codesOf(scale)[0]).toBe(255);
    expect(
      codesOf(codes)
        .slice(0, 128)
        .every((c) => c === 0x7f),
    ).toBe(true);
    expect(num.values(codes).subarray(128).some(Number.isNaN)).toBe(false);
  });
});

describe("philox4x32-10", () => {
  const draw = (k: [number, number], c: [number, number, number, number]): string[] => {
    const out = new Uint32Array(4);
    num.philox4x32(k, c, out);
    return Array.from(out, (x) => x.toString(16).padStart(8, "0"));
  };
  it("known answers of Random123's kat_vectors", () => {
    expect(draw([0, 0], [0, 0, 0, 0])).toEqual(["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]);
    const f = 0xffffffff;
    expect(draw([f, f], [f, f, f, f])).toEqual(["408f276d", "41c83b0e", "a20bc7c6", "6d5451fd"]);
    expect(draw([0xa4093822, 0x299f31d0], [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344])).toEqual([
      "d16cfe09",
      "94fdcceb",
      "5001e420",
      "24126ea1",
    ]);
  });
});

describe("dotRows", () => {
  it("equals the plain double loop for every remainder of rows and K", () => {
    for (const rows of [1, 3, 4, 6, 9])
      for (const K of [1, 4, 7]) {
        const a = Float64Array.from({ length: rows * K }, (_, i) => (i * 7) % 11);
        const got: number[] = [];
        num.dotRows(
          a,
          rows,
          K,
          2,
          (n, w) => w.forEach((_, k) => (w[k] = n + k + 1)),
          (_, dots) => got.push(...dots),
        );
        const want = [0, 1].flatMap((n) =>
          Array.from({ length: rows }, (_, m) =>
            Array.from({ length: K }, (_, k) => a[m * K + k] * (n + k + 1)).reduce((x, y) => x + y),
          ),
        );
        expect(got).toEqual(want);
      }
  });
  it("scales the blocks of a row, the last one short", () => {
    const row = new Float64Array(5).fill(1);
    num.scaleBlocks(row, 0, 5, 2, Float64Array.of(9, 2, 3, 4), 1);
    expect(Array.from(row)).toEqual([2, 2, 3, 3, 4]);
  });
});
