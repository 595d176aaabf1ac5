import { expect, it } from "vitest";
import { op } from "../../kernels/skeleton/skeleton.op.ts";
import { encode, faithful, ideal, values } from "../num/index.ts";
import { run } from "../run.ts";
import { exact } from "./skeleton.ts";

const call = (a: number, x: number[], b: number[], r = faithful): number[] =>
  Array.from(
    values(run(op, exact, r, { x: encode("f32", x, [x.length]), b: encode("f32", b, [b.length]) }, { a }).y),
  );

it("skeleton: a x + b", () => {
  expect(call(2, [1, 2, NaN], [0.5, -4, 0])).toEqual([2.5, 0, NaN]);
  expect(call(0.1, [1], [1], ideal)).toEqual([1.1]);
});
it("skeleton: the product is not rounded before the addition", () => {
  const a = 1 + 2 ** -23;
  expect(call(a, [a], [-1 - 2 ** -22])).toEqual([2 ** -46]); // a rounded product would give 0
});
it("skeleton: f32 first, then bf16: the tie that f32 makes goes to even", () => {
  expect(call(1, [1 + 2 ** -8], [2 ** -26])).toEqual([1]);
});
