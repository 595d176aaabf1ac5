import { expect, it } from "vitest";
import { op } from "../../kernels/mtp/mtp_fuse.op.ts";
import { encode, faithful, values } from "../num/index.ts";
import { run } from "../run.ts";
import { exact } from "./mtp_fuse.ts";

it("mtp_fuse adds the token's e to each of its streams, one rounding", () => {
  const e = encode("bf16", [1, 2, 256, 0], [2, 2]);
  const h = encode("bf16", [10, 20, 30, 40, 1, 3, 3, NaN], [2, 2, 2]);
  // 257 and 259 are ties of bf16
  expect(Array.from(values(run(op, exact, faithful, { e, h }).x))).toEqual([
    11,
    22,
    31,
    42,
    256,
    3,
    260,
    NaN,
  ]);
});
