import { expect, it } from "vitest";
import { op } from "../../kernels/head/embed.op.ts";
import { encode, faithful, values } from "../num/index.ts";
import { run } from "../run.ts";
import { i32 } from "../tensor.ts";
import { exact } from "./embed.ts";

const table = encode("bf16", [1, 2, 3, 4, 5, -0], [3, 2]);

it("embed copies a token's row, bit by bit, into every stream", () => {
  const { x } = run(op, exact, faithful, { tok: i32([2, 0]), table }, { hc: 3 });
  const d = table.data as Uint16Array;
  expect(x.data).toEqual(
    Uint16Array.of(d[4], d[5], d[4], d[5], d[4], d[5], d[0], d[1], d[0], d[1], d[0], d[1]),
  );
  expect(Array.from(values(x)).slice(0, 2)).toEqual([5, -0]);
});
it("embed refuses an id outside the vocabulary", () => {
  for (const bad of [3, -1])
    expect(() => run(op, exact, faithful, { tok: i32([0, bad]), table }, { hc: 1 })).toThrow(
      `got ${bad} at 1`,
    );
});
