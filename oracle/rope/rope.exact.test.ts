import { describe, expect, it } from "vitest";
import { op as qOp } from "../../kernels/rope/q_norm_rope.op.ts";
import { op as ropeOp } from "../../kernels/rope/rope.op.ts";
import { encode, faithful, ideal, values } from "../num/index.ts";
import { run } from "../run.ts";
import { i32, type Tensor } from "../tensor.ts";
import { ropeFreq } from "./freq.ts";
import { exact as qNormRope } from "./q_norm_rope.ts";
import { exact as rope } from "./rope.ts";

const list = (t: Tensor): number[] => Array.from(values(t));
const yarn = { factor: 16, original: 65536, beta_fast: 32, beta_slow: 1 };

describe("ropeFreq", () => {
  // an ulp: f32 pow differs that much between libraries
  const close = (got: number, want: number): void => expect(Math.abs(got / want - 1)).toBeLessThan(2 ** -23);
  it("known answers without YaRN", () => {
    const f = list(ropeFreq({ theta: 10000, rope_dim: 64 }, faithful));
    expect(f.length).toBe(32);
    for (const [i, want] of [
      [0, 1],
      [1, 0.7498942],
      [8, 0.1],
      [16, 0.01],
      [24, 0.001],
      [31, 0.00013335215],
    ])
      close(f[i], want);
    expect(ropeFreq({ theta: 10000, rope_dim: 64 }, faithful).dtype).toBe("f32");
  });
  it("known answers with YaRN: untouched to 15, a ramp, a sixteenth from 25 on", () => {
    const f = list(ropeFreq({ theta: 160000, rope_dim: 64, yarn }, faithful));
    const table: [number, number][] = [
      [1, 0.687656045],
      [8, 0.05],
      [15, 0.0036355385],
      [16, 0.0022656249],
      [17, 0.0013968013],
      [18, 0.00084968971],
      [19, 0.00050808198],
      [20, 0.00029697779],
      [21, 0.00016817998],
      [22, 9.0867841e-5],
      [23, 4.5444227e-5],
      [24, 1.9531253e-5],
      [25, 5.3723124e-6],
      [31, 5.6805294e-7],
    ];
    for (const [i, want] of table) close(f[i], want);
    const plain = list(ropeFreq({ theta: 160000, rope_dim: 64 }, ideal));
    const scaled = list(ropeFreq({ theta: 160000, rope_dim: 64, yarn }, ideal));
    scaled.forEach((x, i) =>
      expect(x / plain[i]).toBeCloseTo(i <= 15 ? 1 : i >= 25 ? 0.0625 : 1 - 0.09375 * (i - 15), 12),
    );
  });
});

describe("rope", () => {
  const call = (x: number[], pos: number[], freq: number[], inverse = 0, r = ideal, heads = 1): number[] => {
    const shape = [pos.length, heads, x.length / pos.length / heads];
    const t = { x: encode("f64", x, shape), pos: i32(pos), freq: encode("f64", freq, [freq.length]) };
    return list(run(ropeOp, rope, r, t, { inverse }).y);
  };
  it("position 0 is the identity", () => {
    expect(call([1, 2, 3, 4], [0], [0.5])).toEqual([1, 2, 3, 4]);
  });
  it("turns interleaved pairs of the last channels, counter-clockwise", () => {
    const quarter = Math.PI / 2;
    const y = call([5, 6, 1, 0, 0, 1], [1], [quarter, 2 * quarter]);
    [5, 6, 0, 1, 0, -1].forEach((want, i) => expect(y[i]).toBeCloseTo(want, 15));
    const back = call([1, 0], [1], [quarter], 1);
    [0, -1].forEach((want, i) => expect(back[i]).toBeCloseTo(want, 15));
  });
  it("pair p turns by pos * freq[p], every head of a row by the same angle", () => {
    const y = call([1, 0, 1, 0, 1, 0, 1, 0], [3], [0.1, 0.01], 0, ideal, 2);
    const want = [Math.cos(0.3), Math.sin(0.3), Math.cos(0.03), Math.sin(0.03)];
    [...want, ...want].forEach((w, i) => expect(y[i]).toBeCloseTo(w, 14));
  });
  it("inverse undoes it", () => {
    const x = [0.5, -1, 2, 3, -0.25, 7];
    const y = call(call(x, [1234567], [1, 0.3]), [1234567], [1, 0.3], 1);
    y.forEach((v, i) => expect(v).toBeCloseTo(x[i], 12));
  });
  it("faithful angles are f32 products, as the kernel has them: at a million the difference shows", () => {
    const f = Math.fround(0.7498942);
    const angle = Math.fround(1000003 * f);
    expect(angle).not.toBe(1000003 * f);
    const t = { x: encode("f64", [1, 0], [1, 1, 2]), pos: i32([1000003]), freq: encode("f32", [f], [1]) };
    expect(list(run(ropeOp, rope, ideal, t, { inverse: 0 }).y)[0]).toBe(Math.cos(1000003 * f));
    expect(list(run(ropeOp, rope, faithful, t, { inverse: 0 }).y)).toEqual(
      list(encode("bf16", [Math.cos(angle), Math.sin(angle)], [2])),
    );
  });
});

describe("q_norm_rope", () => {
  it("norms each head by its own RMS over all channels, then turns the last ones", () => {
    const q = [3, 3, 3, 9, 1, 1, 1, 1];
    const t = { q: encode("f64", q, [1, 2, 4]), pos: i32([2]), freq: encode("f64", [Math.PI / 4], [1]) };
    const y = list(run(qOp, qNormRope, ideal, t, { eps: 9 }).y);
    const s = 1 / Math.sqrt(10);
    [0.5, 0.5, -1.5, 0.5, s, s, -s, s].forEach((want, i) => expect(y[i]).toBeCloseTo(want, 14));
  });
  it("rounds once, after the rotation", () => {
    // rounding the normed head first gives 0.96484375
    const t = {
      q: encode("bf16", [3, 1.0078125], [1, 1, 2]),
      pos: i32([1]),
      freq: encode("f32", [0.5], [1]),
    };
    expect(list(run(qOp, qNormRope, faithful, t, { eps: 0 }).y)[0]).toBe(0.9609375);
  });
});
