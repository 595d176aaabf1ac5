/** Inputs of sparse_attention and cases made of a shape, or of a rule for the key lists. */
import type { Case, Inputs } from "../../harness/suite.ts";
import type { op } from "../../kernels/attention/sparse_attention.op.ts";

export type C = Case<typeof op>;

export interface Shape {
  readonly n_tok: number;
  readonly n_head: number;
  readonly head_dim: number;
  readonly n_kv: number;
  readonly n_key: number;
  /** Scale of q: 1 is a flat softmax, 3 a peaked one. */
  readonly peak?: number;
  /** Share of slots that are -1. */
  readonly masked?: number;
}

export const attrs = ({ head_dim }: { head_dim: number }) => ({ scale: Math.fround(head_dim ** -0.5) });

/**
 * Raw rows and compressed entries have different means: a lost or swapped pool moves the result. Every sink is different, and no bf16.
 */
export function inputs(g: Inputs, { n_tok, n_head, head_dim, n_kv, n_key, peak = 1, masked = 0.1 }: Shape) {
  const noise = () => g.random();
  return {
    q: g.normal("bf16", [n_tok, n_head, head_dim], { std: peak }),
    kv: g.normal("bf16", [n_kv, head_dim], { mean: 0.2 }),
    idx: g.from("i32", [n_tok, n_key], () => (noise() < masked ? -1 : Math.floor(noise() * n_kv))),
    sink: g.from("f32", [n_head], (h) => ((h % 5) - 2) * 1.2345),
  };
}

export const shape = (name: string, s: Shape, bench?: true): C => ({
  name,
  ...(bench && { bench }),
  attrs: attrs(s),
  make: (g) => inputs(g, s),
});

/** Rewrites the key lists: `f(token, slot)` gives the pool row. */
export const listed = (
  name: string,
  s: Shape,
  f: (tok: number, slot: number) => number,
  peak?: number,
): C => ({
  name,
  attrs: attrs(s),
  make: (g) => ({
    ...inputs(g, { ...s, peak }),
    idx: g.from("i32", [s.n_tok, s.n_key], (i) => f(Math.floor(i / s.n_key), i % s.n_key)),
  }),
});

/** Sinks that outweigh the keys and lie just below a value of bf16: cut to bf16 they lose 3 % of every denominator. */
export const sinksBetween = (name: string, s: Shape): C => ({
  name,
  attrs: attrs(s),
  make: (g) => ({ ...inputs(g, s), sink: g.from("f32", [s.n_head], (h) => 5 + (h % 3) + 0.031) }),
});
