/** A suite: the cases of one op. The same cases drive verification, benchmarks and repeat runs. */
import type { DType, OpDecl, Scalars } from "../kernels/schema.ts";
import type { In } from "../oracle/op.ts";
import type { Tensor } from "../oracle/tensor.ts";

/** Seeded input maker: every draw follows from the run's seed, the op and the case name, so a new case moves no other's data. */
export interface Inputs {
  /** Gaussian values rounded to `dtype` (f32, bf16, e4m3, e2m1; ties exist because values are on the format's grid). */
  normal(dtype: DType, shape: readonly number[], o?: { mean?: number; std?: number }): Tensor;
  /** Uniform in [lo, hi), rounded to `dtype`. */
  uniform(dtype: DType, shape: readonly number[], lo: number, hi: number): Tensor;
  /** Gaussian data with one channel (last dimension) x100 and one row x1e4: what real activations look like. */
  heavy(dtype: DType, shape: readonly number[], o?: { std?: number }): Tensor;
  /** Integers in [lo, hi). */
  ints(shape: readonly number[], lo: number, hi: number): Tensor;
  /** Uniform codes of an 8-bit format within [lo, hi] (ue8m0: 127 is scale 1); e2m1: every nibble. */
  codes(dtype: "e4m3" | "ue8m0" | "e2m1" | "u8", shape: readonly number[], lo?: number, hi?: number): Tensor;
  /** Values of a formula of the flat index, rounded to `dtype`. */
  from(dtype: DType, shape: readonly number[], f: (i: number) => number): Tensor;
  /** A uniform number in [0, 1) and a permutation of 0..n-1, for index inputs. */
  random(): number;
  permutation(n: number): Int32Array;
}

export interface Case<D extends OpDecl> {
  /** Unique in the suite, no spaces: it is typed on the command line. */
  readonly name: string;
  /** Attributes, and the axes that input shapes do not determine. */
  readonly attrs?: Scalars;
  readonly make: (g: Inputs) => In<D>;
  /** True on a shape that the model has (these are timed by the benchmark). */
  readonly bench?: true;
}

export interface Suite<D extends OpDecl = OpDecl> {
  readonly op: D;
  readonly cases: readonly Case<D>[];
}

/** `t`, of an 8-bit format, with one code in its elements from `from` on and before `to`: NaN where nothing may be read. */
export function withCode(t: Tensor, code: number, from: number, to: number): Tensor {
  return { ...t, data: Uint8Array.from(t.data as Uint8Array).fill(code, from, to) };
}

/** Default export of `suites/<family>/<op>.suite.ts`. */
export function suite<D extends OpDecl>(op: D, cases: readonly Case<D>[]): Suite<D> {
  const names = cases.map((c) => c.name);
  const bad = names.find((n, i) => !/^[\w.+=-]+$/.test(n) || names.indexOf(n) !== i);
  if (bad !== undefined)
    throw new Error(`suite ${op.name}: expected unique case names of [A-Za-z0-9_.+=-], got "${bad}"`);
  return { op, cases };
}
