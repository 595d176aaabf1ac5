import { expect, it } from "vitest";
import { op } from "../../kernels/norm/rmsnorm.op.ts";
import { encode, faithful, ideal, values } from "../num/index.ts";
import { run } from "../run.ts";
import { exact } from "./rmsnorm.ts";

const norm = (x: number[], w: number[], eps = 1e-6, r = ideal): number[] => {
  const t = { x: encode("f64", x, [x.length / w.length, w.length]), w: encode("f64", w, [w.length]) };
  return Array.from(values(run(op, exact, r, t, { eps }).y));
};

it("rmsnorm: mean of squares (not their sum), eps inside the root, weight per channel", () => {
  // mean(9, 9, 9, 81) = 27; with eps 9 the root is 6
  expect(norm([3, -3, 3, 9], [1, 2, 4, -1], 9)).toEqual([0.5, -1, 2, -1.5]);
  expect(norm([0, 0], [1, 1])).toEqual([0, 0]);
  expect(norm([1, 1, 2, 2], [3, 5], 0)).toEqual([3, 5, 3, 5]); // rows on their own
});
it("rmsnorm: one rounding at the end", () => {
  // 1.015625 * 3 / sqrt(5) = 1.36260 -> 1.359375; by way of bf16(3 / sqrt(5)) = 1.34375 it would be 1.3671875
  expect(norm([3, 1], [1.015625, 1], 0, faithful)[0]).toBe(1.359375);
});
it("rmsnorm: NaN and infinity spoil their row and no other", () => {
  const y = norm([NaN, 1, Infinity, 1, 2, 2], [1, 1], 0);
  expect(y.map(Number.isNaN)).toEqual([true, true, true, false, false, false]);
  expect(y.slice(3)).toEqual([0, 1, 1]);
});
