/**
 * Rounding policies of the exact oracles (`Rounding` in `oracle/op.ts`). A policy is the set of formats that it rounds to: none is
 * `ideal`, all of them is `faithful`, and what lies between says what one format costs while the others are exact.
 */
import { DTYPES, type DType } from "../../kernels/schema.ts";
import type { Rounding } from "../op.ts";
import { numel, type Tensor } from "../tensor.ts";
import { bf16, e2m1, e4m3 } from "./formats.ts";
import { encode } from "./storage.ts";

const same = (x: number): number => x;

function wide(from: ArrayLike<number>, shape: readonly number[]): Tensor {
  if (from instanceof Float64Array && from.length === numel(shape))
    return { dtype: "f64", shape, data: from };
  return encode("f64", from, shape);
}

/** Rounds to `formats` and to nothing else: values of other formats are stored as f64. Integers stay integers. */
export function rounding(
  formats: ReadonlySet<DType>,
  name: Rounding["name"] = [...formats].join("+"),
): Rounding {
  const stored = new Set<DType>(["i32", "i64", ...formats]);
  const round = (format: DType, by: (x: number) => number) => (formats.has(format) ? by : same);
  return {
    name,
    f32: round("f32", Math.fround),
    bf16: round("bf16", bf16.round),
    e4m3: round("e4m3", e4m3.round),
    e2m1: round("e2m1", e2m1.round),
    store: (dtype, from, shape) => (stored.has(dtype) ? encode(dtype, from, shape) : wide(from, shape)),
  };
}

/** What the model means: no rounding, every value stored as f64 (indices stay integers). */
export const ideal = rounding(new Set(), "ideal");

/** What the kernel must give: rounds where the contract says and stores the declared dtype. */
export const faithful = rounding(new Set(DTYPES), "faithful");
