/** Every metric against values worked out by hand. */
import { describe, expect, test } from "vitest";
import { encode } from "../oracle/num/index.ts";
import type { Tensor } from "../oracle/tensor.ts";
import { bitsOf, codeOf, unravel } from "./codes.ts";
import { distance, relByToken } from "./distance.ts";
import { EXACT, measure } from "./metrics.ts";

const f32 = (x: number[], shape: number[]): Tensor => encode("f32", x, shape);
const noisy = { noise: 1e-6, jump: 0 };

describe("numbers of one comparison", () => {
  test("x against 2 x: cosine sees nothing, the others do", () => {
    const m = measure(f32([2, 4, 6, 8], [2, 2]), f32([1, 2, 3, 4], [2, 2]), EXACT).metrics;
    expect(m.cosine).toBe(1);
    expect(m.norm_ratio).toBe(2);
    expect(m.rel_l2).toBe(1);
    expect(m.calc_diff).toBeCloseTo(1 - (2 * 60) / (120 + 30), 15); // <x,y> = 60
    expect(m.max_abs).toBe(4);
    expect(m.differ).toBe(4);
  });
  test("orthogonal, opposite and one wrong sign", () => {
    expect(measure(f32([0, 1], [1, 2]), f32([1, 0], [1, 2]), EXACT).metrics).toMatchObject({
      cosine: 0,
      calc_diff: 1,
    });
    const opposite = measure(f32([-1, -2], [1, 2]), f32([1, 2], [1, 2]), EXACT).metrics;
    expect(opposite).toMatchObject({ calc_diff: 2, norm_ratio: 1 });
    expect(opposite.cosine).toBeCloseTo(-1, 14);
    expect(measure(f32([3, -4], [1, 2]), f32([3, 4], [1, 2]), EXACT).metrics.rel_l2).toBeCloseTo(8 / 5, 15);
  });
  test("one bad row among thousands, one bad column, one bad block: found and named", () => {
    const [rows, cols] = [3000, 200];
    const good = f32(
      Array.from({ length: rows * cols }, (_, i) => Math.sin(i + 1)),
      [rows, cols],
    );
    const spoil = (bad: (r: number, c: number) => boolean): Tensor =>
      f32(
        Array.from(good.data as Float32Array, (v, i) => (bad(Math.floor(i / cols), i % cols) ? 0 : v)),
        [rows, cols],
      );
    const row = measure(
      spoil((r) => r === 1234),
      good,
      noisy,
    ).metrics;
    expect(row.worst_row).toEqual({ index: [1234], value: 1 });
    expect(row.rel_l2).toBeLessThan(0.03);
    expect(
      measure(
        spoil((_, c) => c === 77),
        good,
        noisy,
      ).metrics.worst_col,
    ).toEqual({ index: [77], value: 1 });
    const block = measure(
      spoil((r, c) => r === 9 && c >= 128),
      good,
      noisy,
    ).metrics;
    expect(block.worst_block).toEqual({ index: [9, 1], value: 1 });
    expect(block.worst_row.index).toEqual([9]);
  });
  test("zero reference: right is 0, anything else is infinitely wrong", () => {
    expect(measure(f32([0, 0], [1, 2]), f32([0, 0], [1, 2]), noisy).metrics).toMatchObject({
      rel_l2: 0,
      calc_diff: 0,
      cosine: 1,
      norm_ratio: 1,
    });
    const m = measure(f32([0, 1e-30], [1, 2]), f32([0, 0], [1, 2]), noisy);
    expect(m.metrics.rel_l2).toBe(Infinity);
    expect(m.total.value).toBe(Infinity);
  });
  test("non-finite values are counted by class and side, and keep out of the sums", () => {
    const x = f32([NaN, Infinity, -Infinity, 1, -Infinity], [1, 5]);
    const y = f32([NaN, Infinity, Infinity, 1, 2], [1, 5]);
    const m = measure(x, y, noisy);
    expect(m.first_nonfinite).toBe(2);
    expect(m.metrics.nonfinite).toEqual({
      native: { nan: 1, pos_inf: 1, neg_inf: 2 },
      faithful: { nan: 1, pos_inf: 2, neg_inf: 0 },
    });
    expect(m.metrics.rel_l2).toBe(0);
    expect(m.metrics.differ).toBe(2);
  });
  test("ulp distances across zero, binades and the histogram", () => {
    const x = encode("bf16", [1, 1 + 2 ** -7, 2 ** -133, 1], [1, 4]);
    const y = encode("bf16", [1, 1, -(2 ** -133), 1 + 2 ** -5], [1, 4]);
    const { ulp } = measure(x, y, EXACT).metrics;
    expect(ulp.max).toBe(4);
    expect(ulp.histogram).toEqual([1, 1, 1, 1]); // 0, 1, 2, 3..4
  });
  test("sign bias: half up is none, all up is sqrt(n) sigmas", () => {
    const ones = Array.from({ length: 100 }, () => 1);
    const up = measure(
      f32(
        ones.map(() => 1.5),
        [10, 10],
      ),
      f32(ones, [10, 10]),
      EXACT,
    ).metrics.bias;
    expect(up).toEqual({ n: 100, share_up: 1, sigma: 10 });
    const mixed = ones.map((_, i) => (i % 2 ? 1.5 : 0.5));
    expect(measure(f32(mixed, [10, 10]), f32(ones, [10, 10]), EXACT).metrics.bias).toMatchObject({
      sigma: 0,
    });
  });
  test("shares of zeros and of saturated codes", () => {
    const x = encode("e4m3", [448, 0, 1, -448], [1, 4]);
    const y = encode("e4m3", [448, 0, 0, 2], [1, 4]);
    const m = measure(x, y, EXACT).metrics;
    expect(m.zeros).toEqual({ native: 0.25, faithful: 0.5 });
    expect(m.saturated).toEqual({ native: 0.5, faithful: 0.25 });
  });
  test("an odd count of packed codes, and no elements at all", () => {
    const x = encode("e2m1", [1, -6, 3], [1, 3]);
    expect(measure(x, x, EXACT).metrics).toMatchObject({ n: 3, differ: 0 });
    const none = { dtype: "bf16", shape: [0, 4], data: new Uint16Array(0) } as const;
    expect(measure(none, none, noisy).metrics).toMatchObject({ n: 0, rel_l2: 0 });
  });
});

test("codes are ordered like their values, for every code of the small formats", () => {
  for (const [dtype, n] of [
    ["e4m3", 256],
    ["bf16", 65536],
  ] as const) {
    const data =
      dtype === "e4m3"
        ? Uint8Array.from({ length: n }, (_, i) => i)
        : Uint16Array.from({ length: n }, (_, i) => i);
    const t: Tensor = { dtype, shape: [n], data };
    const code = Array.from({ length: n }, (_, i) => codeOf(t, i));
    const max = dtype === "e4m3" ? 126 : 0x7f80;
    expect(code[max]).toBe(max);
    expect(code[n / 2 + max]).toBe(-max);
    expect(code[0] - code[n / 2]).toBe(0);
  }
});

test("bit patterns as people look them up", () => {
  expect(bitsOf(encode("f32", [1.5], [1]), 0)).toBe("0x3fc00000");
  expect(bitsOf(encode("bf16", [-2], [1]), 0)).toBe("0xc000");
  expect(bitsOf(encode("e2m1", [0, -6], [2]), 1)).toBe("0xf");
  expect(bitsOf(encode("i32", [-1], [1]), 0)).toBe("0xffffffff");
  expect(bitsOf({ dtype: "f64", shape: [1], data: Float64Array.of(1) }, 0)).toBe("0x3ff0000000000000");
  expect(unravel(23, [2, 3, 4])).toEqual([1, 2, 3]);
});

test("distance between oracles, and per token", () => {
  const a = f32([1, 2, 3, 5], [2, 2]);
  const b = f32([1, 2, 3, 4], [2, 2]);
  expect(distance(a, b).worst_row).toBeCloseTo(1 / 5, 15);
  expect(distance(a, b).rel_l2).toBeCloseTo(1 / Math.sqrt(30), 15);
  expect(relByToken(a, b)).toEqual([0, 1 / 5]);
  expect(distance(f32([NaN], [1]), f32([1], [1])).masks).toBe(false);
  expect(distance(f32([NaN], [1]), f32([NaN], [1])).masks).toBe(true);
  expect(distance(f32([Infinity], [1]), f32([-Infinity], [1])).masks).toBe(false);
});
