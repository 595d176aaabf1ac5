/** What a call cannot do without, from the op's declaration: bytes moved once, multiply-adds of its matrix products. */
import { evalShape, storageBytes, type Ints, type TensorDecl } from "../kernels/schema.ts";
import { numel } from "../oracle/tensor.ts";
import type { Call } from "./call.ts";

export interface Work {
  /** Each byte once: inputs that must be read, and every output. */
  readonly bytes: { readonly read: number; readonly write: number };
  readonly macs: number;
}

function intsOf(c: Call): Ints {
  const ints: Record<string, Int32Array> = {};
  for (const [name, t] of Object.entries(c.t)) if (t?.data instanceof Int32Array) ints[name] = t.data;
  return ints;
}

/** Throws one sentence when the declaration reads an input that it does not have. */
export function workOf(c: Call): Work {
  const { op, s } = c;
  const ints = intsOf(c);
  const some = op.reads?.(s, ints) ?? {};
  const stranger = Object.keys(some).find((name) => !(name in op.in));
  if (stranger !== undefined)
    throw new Error(`op ${op.name}: expected "reads" to name its inputs, got "${stranger}"`);
  const bytes = (d: TensorDecl, n = numel(evalShape(d.shape, s))): number => storageBytes(d.dtype, n);
  const sum = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0);
  return {
    bytes: {
      read: sum(Object.entries(op.in).map(([k, d]) => (c.t[k] ? bytes(d, some[k]) : 0))),
      write: sum(Object.values(op.out).map((d) => bytes(d))),
    },
    macs: op.macs?.(s, ints) ?? op.flops(s) / 2,
  };
}
