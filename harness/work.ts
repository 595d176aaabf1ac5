/** What a call cannot do without, from the op's declaration: bytes moved once, multiply-adds of its matrix products. */
import { fusionScalars, partScalars } from "../kernels/fusion.ts";
import {
  evalShape,
  storageBytes,
  type Ints,
  type OpDecl,
  type Scalars,
  type TensorDecl,
} from "../kernels/schema.ts";
import { numel } from "../oracle/tensor.ts";
import type { Call } from "./call.ts";

export interface Work {
  /** Each byte once: inputs that must be read, and every output but the taps of a fusion. */
  readonly bytes: { readonly read: number; readonly write: number };
  readonly macs: number;
}

function intsOf(c: Call): Ints {
  const ints: Record<string, Int32Array> = {};
  for (const [name, t] of Object.entries(c.t)) if (t?.data instanceof Int32Array) ints[name] = t.data;
  return ints;
}

const sum = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0);
const bytesOf = (d: TensorDecl, c: Call): number => storageBytes(d.dtype, numel(evalShape(d.shape, c.s)));

/**
 * Bytes of each input that `c` has and must read: none when it gives nothing. Throws one sentence when the declaration reads an input that it
 * does not have.
 */
function readsOf(c: Call): Record<string, number> {
  const { op, s } = c;
  if (Object.values(op.out).every((d) => numel(evalShape(d.shape, s)) === 0)) return {};
  const some = op.reads?.(s, intsOf(c)) ?? {};
  const stranger = Object.keys(some).find((name) => !(name in op.in));
  if (stranger !== undefined)
    throw new Error(`op ${op.name}: expected "reads" to name its inputs, got "${stranger}"`);
  return Object.fromEntries(
    Object.entries(op.in)
      .filter(([k]) => c.t[k])
      .map(([k, d]) => [k, k in some ? storageBytes(d.dtype, some[k]) : bytesOf(d, c)]),
  );
}

/** Bytes of each output that `c` writes. Throws one sentence when the declaration writes an output that it does not have. */
function writesOf(c: Call): Record<string, number> {
  const some = c.op.writes?.(c.s, intsOf(c)) ?? {};
  const stranger = Object.keys(some).find((name) => !(name in c.op.out));
  if (stranger !== undefined)
    throw new Error(`op ${c.op.name}: expected "writes" to name its outputs, got "${stranger}"`);
  return Object.fromEntries(
    Object.entries(c.op.out).map(([k, d]) => [k, k in some ? storageBytes(d.dtype, some[k]) : bytesOf(d, c)]),
  );
}

export const workOf = (c: Call): Work => (c.op.parts ? workOfParts(c.op, partsOf(c)) : workOfOp(c));

const workOfOp = (c: Call): Work => ({
  bytes: {
    read: sum(Object.values(readsOf(c))),
    write: sum(Object.values(writesOf(c))),
  },
  macs: c.op.macs?.(c.s, intsOf(c)) ?? 0,
});

/** Scalars and index inputs of a fusion, as its parts have them. */
function ownOf(op: OpDecl, parts: readonly Call[]): { readonly s: Scalars; readonly ints: Ints } {
  const said = op.parts!.flatMap((part, i) =>
    Object.entries(part.scalars).flatMap(([k, dim]) =>
      typeof dim === "string" ? [{ dim, is: parts[i].s[k] }] : [],
    ),
  );
  const ints = op.parts!.flatMap((part, i) =>
    Object.entries(intsOf(parts[i])).map(([k, data]): [string, Int32Array] => [part.in[k], data]),
  );
  return { s: fusionScalars(said), ints: Object.fromEntries(ints.filter(([name]) => name in op.in)) };
}

/** A fusion's work out of calls of its parts: inputs of its own once, results of its own, all products; less where it says so. */
export function workOfParts(op: OpDecl, parts: readonly Call[]): Work {
  const read: Record<string, number> = {};
  let [write, macs] = [0, 0];
  op.parts!.forEach((part, i) => {
    const c = parts[i];
    for (const [k, n] of Object.entries(readsOf(c))) {
      const from = part.in[k];
      if (from in op.in) read[from] = Math.max(read[from] ?? 0, n);
    }
    const written = writesOf(c);
    for (const [k, as] of Object.entries(part.out)) if (!op.out[as].optional) write += written[k];
    macs += workOfOp(c).macs;
  });
  if (op.reads || op.macs) {
    const { s, ints } = ownOf(op, parts);
    for (const [k, n] of Object.entries(op.reads?.(s, ints) ?? {}))
      read[k] = Math.min(read[k], storageBytes(op.in[k].dtype, n));
    macs = op.macs?.(s, ints) ?? macs;
  }
  return { bytes: { read: sum(Object.values(read)), write }, macs };
}

/** The parts of `c` before they have run: what passes between them has a shape and no data. */
const partsOf = (c: Call): Call[] =>
  c.op.parts!.map((part) => {
    const s = partScalars(part, c.s);
    const t = Object.fromEntries(
      Object.entries(part.in)
        .filter(([, from]) => !(from in c.op.in) || c.t[from])
        .map(([k, from]) => {
          const { dtype, shape } = part.op.in[k];
          return [k, c.t[from] ?? { dtype, shape: evalShape(shape, s), data: new Uint8Array(0) }];
        }),
    );
    return { op: part.op, t, s };
  });
