/**
 * Fusions: one launch in place of a chain of ops. The declaration says which ops and how they are wired; contract, judges, oracles
 * and work follow from theirs. What passes from one part to the next is an output as well: the kernel writes it only where its pointer is
 * not null (the harness asks for it, a run at speed does not) and rounds it in registers as if it did.
 */
import {
  defineOp,
  evalDim,
  type Dim,
  type OpDecl,
  type OutDecl,
  type PartDecl,
  type Scalars,
} from "./schema.ts";

/** An output of a part under its name and shape in the fusion. */
export interface PartOut {
  readonly as: string;
  readonly shape: readonly Dim[];
  readonly tap: boolean;
}
/** What the fusion is for. */
export const result = (as: string, shape: readonly Dim[]): PartOut => ({ as, shape, tap: false });
/** What only passes from one part to the next. */
export const tap = (as: string, shape: readonly Dim[]): PartOut => ({ as, shape, tap: true });

export interface FusionPart extends Omit<PartDecl, "out"> {
  readonly out: Readonly<Record<string, PartOut>>;
}

/** `macs` and `reads` of a fusion are those of its parts; it states its own where it can do without some of theirs. */
export interface FusionDecl extends Omit<OpDecl, "out" | "contract" | "flops" | "parts" | "quantiser"> {
  readonly parts: readonly FusionPart[];
  /** What the parts do not say: a restriction of shapes, a rule of the fusion's own. */
  readonly contract?: string;
}

/** What oracles and suites infer of a fusion. */
export type Fusion<D extends FusionDecl> = Omit<OpDecl, "in" | "axes" | "attrs"> &
  Pick<D, Extract<keyof D, "in" | "axes" | "attrs">>;

/** Axes and attributes of a part under those of the fusion. */
export const partScalars = (part: PartDecl, s: Scalars): Record<string, number> =>
  Object.fromEntries(
    Object.entries(part.scalars).map(([k, v]) => [k, typeof v === "number" ? v : evalDim(v, s)]),
  );

/** Axes and attributes of the fusion under those of its parts: names as they stand, then multiples of one that is not known yet. */
export function fusionScalars(
  said: readonly { readonly dim: Dim; readonly is: number }[],
): Record<string, number> {
  const s: Record<string, number> = {};
  const isName = (dim: Dim): boolean => /^[a-z_]\w*$/i.test(dim);
  for (const { dim, is } of said) if (isName(dim)) s[dim] = is;
  for (const { dim, is } of said) {
    const [name, ...more] = (dim.match(/[a-z_]\w*/gi) ?? []).filter((n) => s[n] === undefined);
    if (name !== undefined && more.length === 0) s[name] = is / evalDim(dim, { ...s, [name]: 1 });
  }
  return s;
}

/** Throws one sentence when a part misses an input or a scalar, or names a tensor that is not there yet. */
export function defineFusion<const D extends FusionDecl>(decl: D): Fusion<D> {
  const out: Record<string, OutDecl> = {};
  const there = new Set(Object.keys(decl.in));
  const bad = (part: FusionPart, sentence: string): never => {
    throw new Error(`fusion ${decl.name}, part ${part.name}: expected ${sentence}`);
  };
  for (const part of decl.parts) {
    const { op } = part;
    for (const [name, t] of Object.entries(op.in))
      if (!(name in part.in) && !t.optional) bad(part, `an input "${name}", got none`);
    for (const [name, from] of Object.entries(part.in)) {
      if (!(name in op.in)) bad(part, `inputs of ${op.name}, got "${name}"`);
      if (!there.has(from)) bad(part, `"${name}" to be an input or an earlier output, got "${from}"`);
    }
    for (const name of [...Object.keys(op.axes), ...Object.keys(op.attrs ?? {})])
      if (!(name in part.scalars)) bad(part, `a value for "${name}", got none`);
    for (const [name, d] of Object.entries(op.out)) {
      const o = part.out[name] ?? bad(part, `a name for output "${name}", got none`);
      if (there.has(o.as)) bad(part, `each output once, got "${o.as}" twice`);
      there.add(o.as);
      // under the part's own scalars its noise says what the kernel may differ by on the part's inputs
      const judge =
        d.judge.kind === "close"
          ? {
              ...d.judge,
              noise: (s: Scalars) =>
                d.judge.kind === "close" ? d.judge.noise(partScalars(asPart(part), s)) : 0,
            }
          : d.judge;
      out[o.as] = {
        dtype: d.dtype,
        shape: o.shape,
        judge,
        ...(d.before === undefined ? {} : { before: part.in[d.before] }),
        ...(o.tap ? { optional: true } : {}),
      };
    }
  }
  const parts = decl.parts.map(asPart);
  return defineOp({
    ...decl,
    out,
    parts,
    contract: `${decl.parts.map((p) => p.op.name).join(", then ")}; every value between them is rounded as the op that gives it says${decl.contract ? `; ${decl.contract}` : ""}`,
    flops: (s: Scalars) => parts.reduce((sum, p) => sum + p.op.flops(partScalars(p, s)), 0),
  });
}

const asPart = (p: FusionPart): PartDecl => ({
  ...p,
  out: Object.fromEntries(Object.entries(p.out).map(([k, o]) => [k, o.as])),
});
