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
  // 3 / sqrt(5) * 1.0078125 = 1.35212.. -> 1.3515625; rounding x / rms to bf16 (1.34375) first would give 1.3515625 * ..
  const [y] = norm([3, 1], [1.0078125, 1], 0, faithful);
  expect(y).toBe(1.3515625);
  const [v] = norm([3, 1], [1.0546875, 1], 0, faithful); // 1.41501: twice rounded 1.4171875 -> 1.4140625
  expect(v).toBe(1.4140625);
});
it("rmsnorm: NaN and infinity spoil their row and no other", () => {
  const y = norm([NaN, 1, Infinity, 1, 2, 2], [1, 1], 0);
  expect(y.map(Number.isNaN)).toEqual([true, true, true, false, false, false]);
  expect(y.slice(3)).toEqual([0, 1, 1]);
});
