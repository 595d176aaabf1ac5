import { describe, expect, it } from "vitest";
import { op as fp8Op } from "../../kernels/quant/act_quant_fp8.op.ts";
import { op as nvfp4Op } from "../../kernels/quant/act_quant_nvfp4.op.ts";
import { op as fp4SimOp } from "../../kernels/quant/fp4_sim.op.ts";
import { op as kvSimOp } from "../../kernels/quant/kv_fp8_sim.op.ts";
import { encode, faithful, ideal, values } from "../num/index.ts";
import { run } from "../run.ts";
import { i32, type Tensor } from "../tensor.ts";
import { exact as fp8 } from "./act_quant_fp8.ts";
import { exact as nvfp4 } from "./act_quant_nvfp4.ts";
import { exact as fp4Sim } from "./fp4_sim.ts";
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

describe("fp4_sim", () => {
  it("ties to the even code, signs, one scale a 1 x 32 block", () => {
    const x = row(64, { 0: 6, 1: 0.25, 2: 0.75, 3: 1.25, 4: 1.75, 5: 2.5, 6: 3.5, 7: -5, 32: 12, 33: 1 });
    const y = list(run(fp4SimOp, fp4Sim, faithful, { x: encode("bf16", x, [1, 64]) }, { block: 32 }).y);
    expect(y.slice(0, 9)).toEqual([6, 0, 1, 1, 2, 2, 4, -4, 0]);
    expect([y[32], y[33]]).toEqual([12, 1]);
  });
  it("an amax just above 6 * 2^k takes the next scale", () => {
    const x = row(32, { 0: 6.03125, 1: 1.5, 2: 5 });
    const y = list(run(fp4SimOp, fp4Sim, faithful, { x: encode("bf16", x, [1, 32]) }, { block: 32 }).y);
    expect(y.slice(0, 3)).toEqual([6, 2, 4]); // scale 2: 3.015 -> 3, 0.75 -> 1, 2.5 -> 2
  });
  it("zero and NaN blocks", () => {
    const x = encode("bf16", row(64, { 40: NaN }), [1, 64]);
    const y = list(run(fp4SimOp, fp4Sim, faithful, { x }, { block: 32 }).y);
    expect(y.slice(0, 32)).toEqual(row(32, {}));
    expect(y.slice(32).every(Number.isNaN)).toBe(true);
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
