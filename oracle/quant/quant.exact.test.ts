import { describe, expect, it } from "vitest";
import { op as fp8Op } from "../../kernels/quant/act_quant_fp8.op.ts";
import { op as mxfp4Op } from "../../kernels/quant/act_quant_mxfp4.op.ts";
import { op as nvfp4Op } from "../../kernels/quant/act_quant_nvfp4.op.ts";
import { op as insertOp } from "../../kernels/quant/kv_insert.op.ts";
import { op as kvSimOp } from "../../kernels/quant/kv_fp8_sim.op.ts";
import { bf16, dequantise, encode, faithful, ideal, unpackRow, values } from "../num/index.ts";
import { run } from "../run.ts";
import { i32, tensor, type Tensor } from "../tensor.ts";
import { exact as fp8 } from "./act_quant_fp8.ts";
import { exact as mxfp4 } from "./act_quant_mxfp4.ts";
import { exact as nvfp4 } from "./act_quant_nvfp4.ts";
import { exact as kvInsert } from "./kv_insert.ts";
import { exact as kvSim } from "./kv_fp8_sim.ts";

const list = (t: Tensor): number[] => Array.from(values(t));
const row = (n: number, at: Record<number, number>): number[] =>
  Array.from({ length: n }, (_, i) => at[i] ?? 0);

describe("act_quant_fp8", () => {
  const attrs = { block: 128, floor: 1e-4 };
  it("one scale a block of a row, the last block short", () => {
    const x = encode(
      "bf16",
      row(320, { 0: 448, 5: 1.0625, 128: 450, 160: -1.1875, 200: 3.5, 319: 2 }),
      [2, 160],
    );
    const { q, s } = run(fp8Op, fp8, faithful, { x }, attrs);
    expect(list(s)).toEqual([1, 2, 2 ** -7, 2 ** -7]);
    const c = list(q);
    // 450 / 2 = 225 -> 224
    expect([c[0], c[5], c[128], c[200], c[319]]).toEqual([448, 1, 224, 448, 256]);
    expect(c[160]).toBe(-160); // -1.1875 * 128 = -152 ties between 144 (odd code) and 160 (even)
  });
  it("floor: an empty block has scale 2^-22 and codes 0; a tiny one keeps the floor's scale", () => {
    const x = encode("bf16", row(256, { 128: 2 ** -24 }), [2, 128]);
    const { q, s } = run(fp8Op, fp8, faithful, { x }, attrs);
    expect(list(s)).toEqual([2 ** -22, 2 ** -22]);
    expect([list(q)[0], list(q)[128]]).toEqual([0, 0.25]);
    expect(list(run(fp8Op, fp8, faithful, { x }, { block: 128, floor: 1e-10 }).s)[1]).toBe(2 ** -32);
  });
  it("ideal: same scales, codes unrounded, their product the input", () => {
    const x = encode("f64", row(128, { 3: Math.PI, 4: -1e-3 }), [1, 128]);
    const { q, s } = run(fp8Op, fp8, ideal, { x }, attrs);
    expect(list(s)).toEqual([2 ** -7]);
    expect(list(q).map((v) => v * list(s)[0])).toEqual(list(x).map((v) => v + 0));
  });
  it("a block that is not finite is NaN throughout", () => {
    const x = encode("bf16", row(256, { 0: Infinity, 128: 1 }), [1, 256]);
    const { q, s } = run(fp8Op, fp8, faithful, { x }, attrs);
    expect(list(s)).toEqual([NaN, 2 ** -8]);
    expect(list(q).map(Number.isNaN).indexOf(false)).toBe(128);
  });
});

describe("kv_fp8_sim", () => {
  it("rounds nope channels in 64s and leaves the rotated ones alone", () => {
    const x = row(192, { 0: 448, 1: 1.0625, 64: 3.5, 65: 1.0625, 128: 1.0625, 129: 1000 });
    const t = { x: encode("bf16", x, [1, 192]) };
    const y = list(run(kvSimOp, kvSim, faithful, t, { n_nope: 128, block: 64 }).y);
    expect([y[0], y[1]]).toEqual([448, 1]); // scale 1: a tie
    expect([y[64], y[65]]).toEqual([3.5, 1]); // scale 2^-7: 136 ties between 128 and 144
    expect([y[128], y[129]]).toEqual([1.0625, 1000]);
  });
  it("the cast to e4m3 is there (the April kernel lacked it) and ideal has none", () => {
    const t = { x: encode("bf16", row(64, { 0: 1, 1: 0.7578125 }), [1, 64]) };
    const attrs = { n_nope: 64, block: 64 };
    expect(list(run(kvSimOp, kvSim, faithful, t, attrs).y)[1]).toBe(0.75);
    expect(list(run(kvSimOp, kvSim, ideal, t, attrs).y)).toEqual(list(t.x));
  });
});

describe("kv_insert", () => {
  const page_size = 3;
  const bytes = 4 * 576; // of a page: 3 * 584 = 1752 go up to 4 * 576
  const before = () => tensor("u8", [2, bytes], new Uint8Array(2 * bytes).fill(0xee));
  const insert = (x: Tensor, slot: number[], to = before()) =>
    run(insertOp, kvInsert, faithful, { x, slot: i32(slot), before: to }, { page_size }).cache
      .data as Uint8Array;
  const some = encode(
    "bf16",
    row(1024, { 0: 448, 1: -1.0625, 64: 3.5, 447: 2, 448: 1, 511: -2, 512: 1 }),
    [2, 512],
  );

  it("values of all tokens of a page, then scales; second token of page 1", () => {
    const c = insert(some, [4, -1]);
    const [values, scales] = [bytes + 576, bytes + 3 * 576 + 8];
    expect([c[values], c[values + 1], c[values + 64], c[values + 447]]).toEqual([0x7e, 0xb8, 0x7e, 0x78]);
    expect(Array.from(c.subarray(scales, scales + 8))).toEqual([127, 120, 105, 105, 105, 105, 120, 0xee]);
    // 1 and -2 as bf16, low byte first, and zeros between
    expect(Array.from(c.subarray(values + 448, values + 452))).toEqual([0x80, 0x3f, 0, 0]);
    expect(Array.from(c.subarray(values + 574, values + 576))).toEqual([0, 0xc0]);
  });
  it("touches nothing but the rows' values and seven scales each", () => {
    const c = insert(some, [0, 5]);
    const touched = (i: number): boolean =>
      i < 576 ||
      (i >= 1728 && i < 1735) ||
      (i >= bytes + 1152 && i < bytes + 1728) ||
      (i >= bytes + 1744 && i < bytes + 1751);
    c.forEach((b, i) => touched(i) || expect([i, b]).toEqual([i, 0xee]));
    expect(Array.from(insert(some, [-1, -1]))).toEqual(Array.from(before().data as Uint8Array));
  });
  it("a packed row says what kv_fp8_sim says, for every binade", () => {
    const numbers = Float64Array.from({ length: 38 * 512 }, (_, i) => {
      const top = 2 ** Math.min(127, (Math.floor(i / 64) % 261) - 133);
      return (i % 2 ? -1 : 1) * top * (i % 64 === 9 ? 1 : ((i * 37) % 64) / 64);
    });
    const x = encode("bf16", numbers, [38, 512]);
    const empty = tensor("u8", [1, 576 * 39], new Uint8Array(576 * 39));
    const t = { x, slot: i32(Array.from({ length: 38 }, (_, i) => 37 - i)), before: empty };
    const cache = run(insertOp, kvInsert, faithful, t, { page_size: 38 }).cache.data as Uint8Array;
    const got = new Float64Array(512);
    const want = run(kvSimOp, kvSim, faithful, { x }, { n_nope: 448, block: 64 }).y;
    for (let i = 0; i < 38; i++) {
      unpackRow(cache, 37 - i, 38, got);
      const y = values(want).subarray(512 * i, 512 * (i + 1));
      expect(Array.from(got, bf16.round)).toEqual(Array.from(y));
      expect(Array.from(got)).toEqual(Array.from(y)); // every code times its scale is a bf16
    }
  });
});

describe("act_quant_mxfp4", () => {
  /** Codes times scales. */
  const back = (x: Tensor, r = faithful): number[] => {
    const { q, s } = run(mxfp4Op, mxfp4, r, { x });
    return Array.from(dequantise(values(q), values(s), x.shape[0], x.shape[1], 1, 32));
  };
  it("ties to the even code, signs, one scale a 1 x 32 block, a short last one", () => {
    const x = row(72, { 0: 6, 1: 0.25, 2: 0.75, 3: 1.25, 4: 1.75, 5: 2.5, 6: 3.5, 7: -5, 32: 12, 33: 1 });
    const { q, s } = run(mxfp4Op, mxfp4, faithful, { x: encode("bf16", [...x.slice(0, 71), 3], [1, 72]) });
    expect(list(s)).toEqual([1, 2, 0.5]);
    expect(list(q).slice(0, 9)).toEqual([6, 0, 1, 1, 2, 2, 4, -4, 0]);
    expect([list(q)[32], list(q)[33], list(q)[71]]).toEqual([6, 0.5, 6]);
  });
  it("an amax just above 6 * 2^k takes the next scale", () => {
    const x = row(32, { 0: 6.03125, 1: 1.5, 2: 5 });
    expect(back(encode("bf16", x, [1, 32])).slice(0, 3)).toEqual([6, 2, 4]); // scale 2: 3.015 -> 3, 0.75 -> 1, 2.5 -> 2
  });
  it("a block of zeros has the floor's scale 2^-126, one with a NaN or infinity the scale NaN and codes 7", () => {
    const x = encode("bf16", row(96, { 40: NaN, 70: -Infinity, 71: -1 }), [1, 96]);
    const { q, s } = run(mxfp4Op, mxfp4, faithful, { x });
    expect(list(s)).toEqual([2 ** -126, NaN, NaN]);
    expect(list(q)).toEqual([...row(32, {}), ...Array.from({ length: 64 }, () => 6)]);
    expect(back(x).map(Number.isNaN)).toEqual([...row(32, {}).map(() => false), ...Array(64).fill(true)]);
  });
  it("ideal: same scales, codes unrounded, their product the input", () => {
    const x = encode("f64", row(64, { 3: Math.PI, 40: -1e-3 }), [1, 64]);
    expect(back(x, ideal)).toEqual(list(x));
  });
  it("codes times scales are the round trip bf16(e2m1(clamp(x / s)) s), for every bf16 in blocks of every size of amax", () => {
    // the rule again: scales by doubling instead of exponent bits, codes by distance instead of comparisons
    const grid = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
    const rule = (x: number, amax: number): number => {
      let s = 2 ** -126;
      while (Math.fround(Math.fround(Math.max(amax, 6 * 2 ** -126)) * Math.fround(1 / 6)) > s) s *= 2;
      const a = Math.min(Math.abs(x) / s, 6);
      const off = grid.map((g) => Math.abs(g - a));
      const least = Math.min(...off);
      const code = [0, 2, 4, 6, 1, 3, 5, 7].find((c) => off[c] === least)!; // the even code first
      return bf16.round(Math.sign(x) * grid[code] * s);
    };
    // row i holds 31 bf16 in a row, of one binade and the next, and what sets the scale: up to 8 binades above them
    const rows = Math.ceil(2 ** 16 / 31);
    const codes = new Uint16Array(rows * 32);
    for (let i = 0; i < rows; i++) {
      for (let k = 0; k < 31; k++) codes[32 * i + k] = Math.min(31 * i + k, 0xffff);
      codes[32 * i + 31] = Math.min((codes[32 * i] & 0x7fff) + ((i * 67) % (8 << 7)), 0x7f7f);
    }
    const x = tensor("bf16", [rows, 32], codes);
    const got = back(x);
    const from = values(x);
    let wrong = 0;
    for (let i = 0; i < rows; i++) {
      const block = Array.from(from.subarray(32 * i, 32 * i + 32));
      const spoilt = block.some((v) => !Number.isFinite(v));
      const amax = Math.max(...block.map(Math.abs));
      block.forEach((v, k) => {
        const want = spoilt ? NaN : rule(v, amax);
        // the largest bf16 round up to 2^128, which a bf16 cannot hold
        const have = bf16.round(got[32 * i + k]);
        if (!(have === want || (Number.isNaN(have) && Number.isNaN(want)))) wrong++;
        if (Number.isFinite(want) && got[32 * i + k] !== want) wrong++;
      });
    }
    expect(wrong).toBe(0);
  });
});

describe("act_quant_nvfp4", () => {
  const x = encode("bf16", row(64, { 0: 6, 1: 2.5, 16: 3, 32: 12, 33: -5, 48: 0.001 }), [2, 32]);
  it("block scale amax / (6 g) in e4m3, codes x / (s g), g of the row's expert, gathered rows", () => {
    const t = { x, src_row: i32([1, 0]), row_expert: i32([0, 1]), global: encode("f32", [1, 0.5], [2]) };
    const { q, s } = run(nvfp4Op, nvfp4, faithful, t);
    expect(list(s)).toEqual([2, 0, 2, 1]); // row 0 is x[1]: 12 / 6, underflow; row 1 is x[0] with g 0.5
    const c = list(q);
    expect([c[0], c[1], c[16], c[32], c[33], c[48]]).toEqual([6, -2, 0, 6, 2, 6]);
  });
  it("without src_row row i is x[i]; the scale saturates at 448", () => {
    const t = { x, row_expert: i32([0, 0]), global: encode("f32", [2 ** -12], [1]) };
    const { q, s } = run(nvfp4Op, nvfp4, faithful, t);
    expect(list(s)[0]).toBe(448);
    expect(list(q).slice(0, 2)).toEqual([6, 6]); // 6 / (448 / 4096) = 54.9 saturates
    const { q: qi, s: si } = run(nvfp4Op, nvfp4, ideal, { ...t, global: encode("f64", [0.3], [1]) });
    expect(list(qi)[1] * list(si)[0] * 0.3).toBeCloseTo(2.5, 14);
  });
  it("the scale is rounded before it divides", () => {
    const y = encode("bf16", row(16, { 0: 6.625, 1: 5.65625 }), [1, 16]); // 1.104 -> 1.125
    const t = { x: y, row_expert: i32([0]), global: encode("f32", [1], [1]) };
    const { q, s } = run(nvfp4Op, nvfp4, faithful, t);
    expect(list(s)).toEqual([1.125]);
    expect(list(q).slice(0, 2)).toEqual([6, 6]); // 5.65625 / 1.125 = 5.03; by 1.104 it would be 5.12, by 1.25 4.5
  });
});
