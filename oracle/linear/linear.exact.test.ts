import { describe, expect, it } from "vitest";
import { op as fp8Op } from "../../kernels/linear/linear_fp8.op.ts";
import { op as groupedOp } from "../../kernels/linear/grouped_linear_fp8w.op.ts";
import { op as bf16Op } from "../../kernels/linear/linear_bf16.op.ts";
import { op as f32Op } from "../../kernels/linear/linear_f32.op.ts";
import { encode, faithful, ideal, values } from "../num/index.ts";
import { run } from "../run.ts";
import type { Tensor } from "../tensor.ts";
import { exact as grouped } from "./grouped_linear_fp8w.ts";
import { exact as linearBf16 } from "./linear_bf16.ts";
import { exact as linearF32 } from "./linear_f32.ts";
import { exact as fp8 } from "./linear_fp8.ts";

const list = (t: Tensor): number[] => Array.from(values(t));
const fill = (n: number, f: (i: number) => number): number[] => Array.from({ length: n }, (_, i) => f(i));

describe("linear_f32, linear_bf16", () => {
  // a is not symmetric and M, N, K differ: a transposed weight or output would not fit
  const a = encode("bf16", [1, 2, 3, 4, 5, 6, 7, 8], [2, 4]);
  const w = encode("bf16", [1, 0, 0, 0, 0, 0, 0, 1, 1, -1, 1, -1], [3, 4]);
  it("multiplies rows of a with rows of w", () => {
    expect(list(run(f32Op, linearF32, faithful, { a, w }).y)).toEqual([1, 4, -2, 5, 8, -2]);
    expect(list(run(bf16Op, linearBf16, faithful, { a, w }).y)).toEqual([1, 4, -2, 5, 8, -2]);
  });
  it("rounds once, to its own output type", () => {
    const x = encode("bf16", [256, 1, 2 ** -20], [1, 3]);
    const one = encode("bf16", [1, 1, 1], [1, 3]);
    expect(list(run(f32Op, linearF32, ideal, { a: x, w: one }).y)).toEqual([257 + 2 ** -20]);
    expect(list(run(f32Op, linearF32, faithful, { a: x, w: one }).y)).toEqual([257]);
    expect(list(run(bf16Op, linearBf16, faithful, { a: x, w: one }).y)).toEqual([258]); // above the tie 257
  });
  it("passes NaN on to its own row", () => {
    const x = encode("f32", [NaN, 0, 1, 1], [2, 2]);
    const y = list(run(f32Op, linearF32, faithful, { a: x, w: encode("f32", [1, 1], [1, 2]) }).y);
    expect(y).toEqual([NaN, 2]);
  });
});

describe("linear_fp8", () => {
  const K = 256;
  it("scales each 128-block of K by a_s * w_s, rows of w in 128s", () => {
    const N = 130;
    // ones: the dot of a block is 128
    const t = {
      a: encode(
        "e4m3",
        fill(2 * K, () => 1),
        [2, K],
      ),
      a_s: encode("ue8m0", [1, 2, 4, 8], [2, 2]),
      w: encode(
        "e4m3",
        fill(N * K, () => 1),
        [N, K],
      ),
      w_s: encode("ue8m0", [1, 2 ** -4, 2 ** -7, 4], [2, 2]),
    };
    const y = list(run(fp8Op, fp8, ideal, t).y);
    const want = (m: number, n: number): number => {
      const [a0, a1] = m === 0 ? [1, 2] : [4, 8];
      const [w0, w1] = n < 128 ? [1, 2 ** -4] : [2 ** -7, 4];
      return 128 * (a0 * w0 + a1 * w1);
    };
    for (const [m, n] of [
      [0, 0],
      [0, 127],
      [0, 128],
      [1, 127],
      [1, 129],
    ])
      expect(y[m * N + n]).toBe(want(m, n));
  });
  it("takes float weights with float scales of one, K not a multiple of 128", () => {
    const t = {
      a: encode(
        "f64",
        fill(130, (i) => (i === 129 ? 2 ** -30 : i === 0 ? 1 : 0)),
        [1, 130],
      ),
      a_s: encode("f64", [1, 2], [1, 2]),
      w: encode(
        "f32",
        fill(130, () => 1),
        [1, 130],
      ),
      w_s: encode("f32", [1, 1], [1, 2]),
    };
    expect(list(run(fp8Op, fp8, ideal, t).y)).toEqual([1 + 2 ** -29]);
  });
  it("a NaN scale reaches the rows that use it", () => {
    const t = {
      a: encode(
        "e4m3",
        fill(2 * 128, () => 1),
        [2, 128],
      ),
      a_s: encode("ue8m0", [NaN, 1], [2, 1]),
      w: encode(
        "e4m3",
        fill(128, () => 1),
        [1, 128],
      ),
      w_s: encode("ue8m0", [1], [1, 1]),
    };
    expect(list(run(fp8Op, fp8, faithful, t).y)).toEqual([NaN, 128]);
  });
});

describe("grouped_linear_fp8w", () => {
  it("group g uses rows g N .. of w and its own slice of a; scales follow the global row", () => {
    const [M, n_group, N, K] = [2, 2, 128, 4];
    const a = encode(
      "bf16",
      fill(M * n_group * K, (i) => i + 1),
      [M, n_group, K],
    );
    // row n of w picks channel n mod 4; group 1 has scale 2
    const w = encode(
      "e4m3",
      fill(n_group * N * K, (i) => (Math.floor(i / K) % K === i % K ? 1 : 0)),
      [n_group * N, K],
    );
    const w_s = encode("ue8m0", [1, 2], [2, 1]);
    const y = list(run(groupedOp, grouped, faithful, { a, w, w_s }, { N }).y);
    const at = (m: number, g: number): number[] => y.slice((m * n_group + g) * N, (m * n_group + g) * N + 4);
    expect([at(0, 0), at(0, 1), at(1, 0), at(1, 1)]).toEqual([
      [1, 2, 3, 4],
      [10, 12, 14, 16],
      [9, 10, 11, 12],
      [26, 28, 30, 32],
    ]);
  });
  it("does not quantise its activations", () => {
    const t = {
      a: encode("bf16", [1.0078125, 448 * 4], [1, 1, 2]),
      w: encode("e4m3", [1, 0], [1, 2]),
      w_s: encode("ue8m0", [1], [1, 1]),
    };
    expect(list(run(groupedOp, grouped, faithful, t, { N: 1 }).y)).toEqual([1.0078125]);
  });
});
