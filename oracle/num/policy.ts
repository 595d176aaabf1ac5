/** The two rounding policies of the exact oracles (`Rounding` in `oracle/op.ts`). */
import type { Rounding } from "../op.ts";
import { numel } from "../tensor.ts";
import { bf16, e2m1, e4m3 } from "./formats.ts";
import { encode } from "./storage.ts";

const same = (x: number): number => x;

/** What the model means: no rounding, every value stored as f64 (indices stay integers). */
export const ideal: Rounding = {
  name: "ideal",
  f32: same,
  bf16: same,
  e4m3: same,
  e2m1: same,
  store(dtype, from, shape) {
    if (dtype === "i32" || dtype === "i64") return encode(dtype, from, shape);
    if (from instanceof Float64Array && from.length === numel(shape))
      return { dtype: "f64", shape, data: from };
    return encode("f64", from, shape);
  },
};

/** What the kernel must give: rounds where the contract says and stores the declared dtype. */
export const faithful: Rounding = {
  name: "faithful",
  f32: Math.fround,
  bf16: bf16.round,
  e4m3: e4m3.round,
  e2m1: e2m1.round,
  store: encode,
};

export const policies = { ideal, faithful } as const;
