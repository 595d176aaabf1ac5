import { describe, expect, it } from "vitest";
import { op as hadOp } from "../../kernels/index/hadamard.op.ts";
import { op as scoreOp } from "../../kernels/index/index_scores.op.ts";
import { op as scoreFp8Op } from "../../kernels/index/index_scores_fp8.op.ts";
import { op as topkOp } from "../../kernels/index/index_topk.op.ts";
import { bf16, encode, faithful, ideal, values } from "../num/index.ts";
import { run } from "../run.ts";
import { i32, numel, type Tensor } from "../tensor.ts";
import { exact as hadamard } from "./hadamard.ts";
import { exact as scores } from "./index_scores.ts";
import { exact as scoresFp8 } from "./index_scores_fp8.ts";
import { exact as topk, regret } from "./index_topk.ts";

const list = (t: Tensor): number[] => Array.from(values(t));

describe("hadamard", () => {
  it("a unit vector gives a column of signs (-1)^popcount(i & j)", () => {
    const n = 128;
    const odd = (x: number): boolean => x.toString(2).replaceAll("0", "").length % 2 === 1;
    for (const j of [0, 1, 2, 77]) {
      const x = encode(
        "f64",
        Array.from({ length: n }, (_, i) => Number(i === j)),
        [1, n],
      );
      const y = list(run(hadOp, hadamard, ideal, { x }).y);
      y.forEach((v, i) => expect(v).toBeCloseTo((odd(i & j) ? -1 : 1) / Math.sqrt(n), 15));
    }
  });
  it("is its own inverse, row by row", () => {
    const x = encode(
      "f64",
      Array.from({ length: 16 }, (_, i) => Math.sin(i)),
      [2, 8],
    );
    const y = run(hadOp, hadamard, ideal, { x: run(hadOp, hadamard, ideal, { x }).y }).y;
    list(y).forEach((v, i) => expect(v).toBeCloseTo(list(x)[i], 14));
  });
  it("rounds to bf16 at the end", () => {
    const x = encode("bf16", [1, 2 ** -8], [1, 2]);
    expect(list(run(hadOp, hadamard, faithful, { x }).y)).toEqual(
      [1 + 2 ** -8, 1 - 2 ** -8].map((v) => bf16.round(v * Math.SQRT1_2)),
    );
    expect(() => run(hadOp, hadamard, ideal, { x: encode("f64", [1, 2, 3], [1, 3]) })).toThrow("got 3");
  });
});

describe("index_scores", () => {
  const q = encode("f64", [1, 0, 0, 1, 2, 0, 0, 2], [2, 2, 2]);
  const k = encode("f64", [1, -1, -1, 2, 3, 3], [3, 2]);
  const one = (...shape: number[]): Tensor =>
    encode(
      "ue8m0",
      Array.from({ length: numel(shape) }, () => 1),
      shape,
    );
  const operands = { q, q_s: one(2, 2, 1), k, k_s: one(3, 1) };
  it("relu of each head before its weight; weights may be negative", () => {
    const w = encode("f64", [1, 10, 1, -1], [2, 2]);
    const s = list(run(scoreOp, scores, ideal, { ...operands, w }, { scale: 1 }).s);
    expect(s).toEqual([1, 20, 33, 2, -4, 0]);
  });
  it("the scaled weight is rounded to bf16, the score is f32", () => {
    const w = encode("bf16", [1, 1, 1, 1], [2, 2]);
    const { s } = run(scoreOp, scores, faithful, { ...operands, w }, { scale: 2 ** -6.5 });
    expect(s.dtype).toBe("f32");
    expect(list(s)[0]).toBe(bf16.round(2 ** -6.5));
  });
  it("NaN is not turned into 0 by the relu", () => {
    const w = encode("f64", [1, 1, 1, 1], [2, 2]);
    const x = encode("f64", [NaN, 0, 0, 1, 2, 0, 0, 2], [2, 2, 2]);
    expect(
      list(run(scoreOp, scores, ideal, { ...operands, q: x, w }, { scale: 1 }).s).map(Number.isNaN),
    ).toEqual([true, true, true, false, false, false]);
  });
  it("each 1 x 32 block of either side has its scale; a NaN scale spoils its row, also through zeros", () => {
    const blocks = (codes: number[]): number[] => codes.flatMap((c) => Array.from({ length: 32 }, () => c));
    const t = {
      q: encode("e2m1", [...blocks([1, 0.5]), ...blocks([2, 0])], [1, 2, 64]),
      q_s: encode("ue8m0", [1, 2 ** -3, 4, 2], [1, 2, 2]),
      k: encode("e2m1", [...blocks([0.5, 1]), ...blocks([0, 0])], [2, 64]),
      k_s: encode("ue8m0", [2, 2 ** 10, 1, NaN], [2, 2]),
      w: encode("bf16", [1, 10], [1, 2]),
    };
    // head 0: 32 (1 * 0.5 * 1 * 2 + 0.5 * 1 * 2^-3 * 2^10), head 1: 32 * 2 * 0.5 * 4 * 2
    expect(list(run(scoreOp, scores, faithful, t, { scale: 1 }).s)).toEqual([32 * 65 + 10 * 256, NaN]);
  });
});

describe("index_scores_fp8", () => {
  const operands = {
    q: encode("e4m3", [2, 0, 0, 4, 1, 1, -3, 0.5], [2, 2, 2]),
    q_s: encode("ue8m0", [2, 0.5, 1, 2 ** 20], [2, 2]),
    k: encode("e4m3", [1, -1, 1.5, 2, 448, 3], [3, 2]),
    k_s: encode("f32", [0.3, -1, 2], [3]),
    w: encode("bf16", [1, 10, 3, -1], [2, 2]),
  };
  const of = (t: Partial<typeof operands>, scale = 1): number[] =>
    list(run(scoreFp8Op, scoresFp8, faithful, { ...operands, ...t }, { scale }).s);

  it("a head's scale is a factor of its weight, an entry's of the sum", () => {
    const third = Math.fround(0.3);
    expect(of({})).toEqual([
      ...[Math.fround(third * (2 * 2)), -(3 * 2 + 8 * 5), 2 * (896 * 2 + 12 * 5)],
      ...[0, -(3.5 * 3), 2 * 451 * 3],
    ]);
  });
  it("the weight is rounded to f32, once for w * scale, and not to bf16", () => {
    const scale = Math.fround(2 ** -6.5);
    const v = Math.fround(Math.fround(3 * scale) * 1);
    expect(of({}, scale)[4]).toBe(Math.fround(-Math.fround(3.5 * v)));
    expect(bf16.round(v)).not.toBe(v);
  });
  it("NaN in a code, a scale of either side or a weight, also where the dot product is zero", () => {
    const nan = (s: number[]): boolean[] => s.map(Number.isNaN);
    const zeros = encode("e4m3", [0, 0, 0, 0, 0, 0], [3, 2]);
    expect(nan(of({ k: encode("e4m3", [1, NaN, 1, 1, 1, 1], [3, 2]) }))).toEqual([
      ...[true, false, false],
      ...[true, false, false],
    ]);
    expect(nan(of({ k: zeros, k_s: encode("f32", [1, NaN, Infinity], [3]) }))).toEqual([
      ...[false, true, true],
      ...[false, true, true],
    ]);
    expect(nan(of({ k: zeros, q_s: encode("ue8m0", [1, NaN, 1, 1], [2, 2]) }))).toEqual([
      ...[true, true, true],
      ...[false, false, false],
    ]);
  });
});

describe("index_topk", () => {
  const make = (s: number[], pos: number[]): { s: Tensor; pos: Tensor } => ({
    s: encode("f32", s, [pos.length, s.length / pos.length]),
    pos: i32(pos),
  });
  const attrs = { topk: 3, ratio: 4 };
  const pick = (s: number[], pos: number[]): number[] =>
    list(run(topkOp, topk, faithful, make(s, pos), attrs).idx);
  it("the largest, in index order", () => {
    expect(pick([1, 9, 3, 7, 5], [19])).toEqual([1, 3, 4]);
  });
  it("only entries whose window is complete; -1 pads", () => {
    expect(pick([1, 9, 3, 7, 5], [10])).toEqual([0, 1, -1]);
    expect(pick([1, 9, 3, 7, 5], [11])).toEqual([0, 1, 2]);
    expect(pick([1, 9, 3, 7, 5], [2])).toEqual([-1, -1, -1]);
    expect(pick([1, 9], [100])).toEqual([0, 1, -1]);
  });
  it("ties to the lowest index, -0 = 0, -Infinity above NaN", () => {
    expect(pick([2, 5, 2, 2, 2], [19])).toEqual([0, 1, 2]);
    expect(pick([-1, -0, 0, 0, 0], [19])).toEqual([1, 2, 3]);
    expect(pick([NaN, -Infinity, NaN, 1, -2], [19])).toEqual([1, 3, 4]);
    expect(pick([NaN, NaN, NaN, 1, NaN], [19])).toEqual([0, 1, 3]);
  });
  it("regret", () => {
    const t = make([1, 9, 3, 7, 3], [19]);
    const judge = (idx: number[], x = t): number =>
      regret(x, { n_tok: 1, n_entry: 5, ...attrs }, { idx: encode("i32", idx, [1, 3]) })[0];
    expect(judge([1, 2, 3])).toBe(0);
    expect(judge([0, 1, 3])).toBe(2);
    expect(judge([0, 1, 2])).toBe(6); // 7 left out for 1
    // tie rule, order, duplicate, padding without need, out of range
    for (const bad of [
      [1, 3, 4],
      [3, 2, 1],
      [1, 1, 3],
      [1, 3, -1],
      [1, 3, 5],
    ])
      expect(judge(bad)).toBe(Infinity);
    expect(judge([0, -1, -1], make([1, 9, 3, 7, 3], [6]))).toBe(0);
    expect(judge([0, 1, -1], make([1, 9, 3, 7, 3], [6]))).toBe(Infinity); // masked
  });
});
