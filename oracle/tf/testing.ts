/** For the tests of the tfjs oracle: tensors from numbers, calls with bound axes, and seeded data. */
import type { OpDecl, Scalars } from "../../kernels/schema.ts";
import { bind, type Bound, type In, type Out, type Tf } from "../op.ts";
import { numel, type Tensor } from "../tensor.ts";

type Shape = readonly number[];

export const f32 = (shape: Shape, x: ArrayLike<number>): Tensor => ({
  dtype: "f32",
  shape,
  data: Float32Array.from(x),
});
export const i32 = (shape: Shape, x: ArrayLike<number>): Tensor => ({
  dtype: "i32",
  shape,
  data: Int32Array.from(x),
});
export const bytes = (dtype: "e4m3" | "ue8m0" | "e2m1", shape: Shape, x: ArrayLike<number>): Tensor => ({
  dtype,
  shape,
  data: Uint8Array.from(x),
});

/** Truncates to bf16: the tests feed values that are on the grid already, or round toward zero on purpose. */
export const bf16 = (shape: Shape, x: ArrayLike<number>): Tensor => ({
  dtype: "bf16",
  shape,
  data: Uint16Array.from(new Uint32Array(Float32Array.from(x).buffer), (bits) => bits >>> 16),
});

/** Value of a bf16 tensor's elements, decoded by arithmetic. */
export const values = (t: Tensor): number[] =>
  t.dtype === "bf16"
    ? Array.from(new Float32Array(Uint32Array.from(t.data as Uint16Array, (c) => c << 16).buffer))
    : Array.from(t.data as Float32Array | Int32Array, Number);

/** Uniform numbers in [-1, 1) from a linear congruential generator. */
export function seeded(seed: number): (n: number) => number[] {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  return (n) => Array.from({ length: n }, next);
}

/** Calls a tfjs oracle as the harness does. */
export function call<D extends OpDecl>(
  op: D,
  tf: Tf<D>,
  t: In<D>,
  attrs: Scalars = {},
  simulate = false,
): Out<D> {
  const s = bind(op, t as Readonly<Record<string, Tensor | undefined>>, attrs);
  return tf(t, s as Bound<D>, simulate);
}

/** Relative L2 error of `got` against numbers. Throws on a wrong length. */
export function error(got: Tensor, want: readonly number[]): number {
  if (numel(got.shape) !== want.length || got.data.length !== want.length)
    throw new Error(`expected ${want.length} elements, got [${got.shape.join(", ")}] of ${got.data.length}`);
  let num = 0;
  let den = 0;
  want.forEach((w, i) => {
    num += (Number(got.data[i]) - w) ** 2;
    den += w * w;
  });
  return Math.sqrt(num) / Math.max(Math.sqrt(den), Number.MIN_VALUE);
}

/** Where `got` is not finite. */
export const nonFinite = (got: Tensor): number[] =>
  Array.from(got.data, Number).flatMap((x, i) => (Number.isFinite(x) ? [] : [i]));

/** `n` times the number `x`. */
export const fill = (n: number, x: number): number[] => Array.from({ length: n }, () => x);
