/** The signatures that an op's declaration gives its oracles. */
import { evalDim, evalShape, type DType, type OpDecl, type Scalars } from "../kernels/schema.ts";
import type { Tensor } from "./tensor.ts";

type OptionalKeys<T> = { [K in keyof T]: T[K] extends { readonly optional: true } ? K : never }[keyof T];

/** Input tensors by declared name; optional ones may be missing. */
export type In<D extends OpDecl> = {
  readonly [K in Exclude<keyof D["in"], OptionalKeys<D["in"]>>]: Tensor;
} & { readonly [K in OptionalKeys<D["in"]>]?: Tensor };

/** Output tensors by declared name. */
export type Out<D extends OpDecl> = { readonly [K in keyof D["out"]]: Tensor };

/** Axes and attributes by name, all bound. */
export type Bound<D extends OpDecl> = {
  readonly [K in keyof D["axes"] | keyof NonNullable<D["attrs"]>]: number;
};

/**
 * A rounding policy. `ideal` returns its argument and stores float64; `faithful` rounds to the format (ties to even,
 * saturating where the format does) and stores the declared dtype; others do so for some formats (`oracle/num/policy.ts`). The one
 * code path of an exact oracle calls these at exactly the points that the op's contract names.
 */
export interface Rounding {
  readonly name: string;
  readonly f32: (x: number) => number;
  readonly bf16: (x: number) => number;
  readonly e4m3: (x: number) => number;
  readonly e2m1: (x: number) => number;
  /** Stores values in `dtype`, or in f64 where the policy does not round to it; every policy keeps i32 and i64. */
  readonly store: (dtype: DType, values: ArrayLike<number>, shape: readonly number[]) => Tensor;
}

/** float64 oracle of an op: `exact` in `oracle/<family>/<op>.ts`. */
export type Exact<D extends OpDecl> = (t: In<D>, s: Bound<D>, r: Rounding) => Out<D>;

/**
 * tfjs oracle of an op: `tf` in `oracle/<family>/<op>.tf.ts`. Outputs are f32 (indices i32). A quantiser simulates its format
 * when `simulate` is true and passes values through (unrounded codes, exact scales) when it is false; other ops ignore it.
 */
export type Tf<D extends OpDecl> = (t: In<D>, s: Bound<D>, simulate: boolean) => Out<D>;

/**
 * Judges a native discrete decision: one number a row, in units of the score: how much worse the choice is than the best
 * one (0 = an optimal set, Infinity = illegal: out of range, masked, duplicate, wrong count).
 */
export type Regret<D extends OpDecl> = (t: In<D>, s: Bound<D>, native: Out<D>) => Float64Array;

/**
 * The op's outputs when `native` has decided: choices are taken from it, everything that follows from them is computed. An op with a
 * `choice` and other outputs exports it as `replay`; where every output is a choice, native's are the answer.
 */
export type Replay<D extends OpDecl> = (t: In<D>, s: Bound<D>, r: Rounding, native: Out<D>) => Out<D>;

/**
 * Binds every axis of `op` from the tensors' shapes (an axis that is a whole dimension) and from `given`.
 * Throws one sentence when a tensor is missing, unknown, of another shape, or an axis stays unbound.
 */
export function bind(
  op: OpDecl,
  tensors: Readonly<Record<string, Tensor | undefined>>,
  given: Scalars,
): Scalars {
  const s: Record<string, number> = { ...given };
  for (const name of Object.keys(tensors))
    if (!(name in op.in))
      throw new Error(`${op.name}: expected inputs ${Object.keys(op.in).join(", ")}, got "${name}"`);
  for (const [name, decl] of Object.entries(op.in)) {
    const x = tensors[name];
    if (x === undefined) {
      if (decl.optional) continue;
      throw new Error(`${op.name}: expected a tensor "${name}", got none`);
    }
    if (x.shape.length !== decl.shape.length)
      throw new Error(
        `${op.name}.${name}: expected rank ${decl.shape.length} [${decl.shape.join(", ")}], got [${x.shape.join(", ")}]`,
      );
    decl.shape.forEach((d, i) => {
      if (d in op.axes && s[d] === undefined) s[d] = x.shape[i];
    });
  }
  for (const name of [...Object.keys(op.axes), ...Object.keys(op.attrs ?? {})])
    if (s[name] === undefined) throw new Error(`${op.name}: expected a value for "${name}", got none`);
  for (const name of Object.keys(s))
    if (!(name in op.axes) && !(name in (op.attrs ?? {})))
      throw new Error(`${op.name}: expected axes and attributes of the op, got "${name}"`);
  for (const [name, decl] of Object.entries(op.in)) {
    const x = tensors[name];
    if (x === undefined) continue;
    decl.shape.forEach((d, i) => {
      const want = evalDim(d, s);
      if (x.shape[i] !== want)
        throw new Error(
          `${op.name}.${name}: expected dimension ${i} (${d}) = ${want}, got [${x.shape.join(", ")}]`,
        );
    });
  }
  return s;
}

/** Shape of each output under the bound scalars. */
export const outShapes = (op: OpDecl, s: Scalars): Record<string, number[]> =>
  Object.fromEntries(Object.entries(op.out).map(([k, d]) => [k, evalShape(d.shape, s)]));

/** Runs ops for the model's composition; oracle policies, tfjs, the device and the harness's side-by-side all implement it. */
export interface Executor {
  /**
   * Runs `op` at `site` (a dotted name, unique in a run, e.g. `layers.12.attn.q_a`). An output's tap is `site` when the op has
   * one output, else `site.<output>`. `attrs` holds attributes and the axes that shapes do not determine.
   */
  call<D extends OpDecl>(op: D, site: string, t: In<D>, attrs?: Scalars): Promise<Out<D>>;
}
