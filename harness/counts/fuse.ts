/**
 * What the engine launches in place of chains: a fusion stands for the calls that its parts name and that are wired as it says. The
 * composition calls op by op, so the chains are found in what it called.
 */
import { partScalars } from "../../kernels/fusion.ts";
import { evalDim, evalShape, type OpDecl } from "../../kernels/schema.ts";
import { numel, tensor, type Tensor } from "../../oracle/tensor.ts";
import { makeCall, type Call, type Tensors } from "../call.ts";

/** A call of the composition, and the tensors that it went on with. */
export interface Recorded {
  readonly call: Call;
  readonly site: string;
  readonly out: Tensors;
}

/** One launch: of the one recorded call, or of a fusion in place of several. */
export interface Fused {
  readonly call: Call;
  /** Of the calls that it stands for, in order. */
  readonly sites: readonly string[];
}

/** Tokens up to which the engine routes in one launch (native/engine/moe.cc kMostRoutedAtOnce). */
const MOST_ROUTED_AT_ONCE = 64;
const chosen = (c: Call): boolean => !/^gate_.*dispatch$/.test(c.op.name) || c.s.n_tok <= MOST_ROUTED_AT_ONCE;

/** Elements up to which tensors are held against each other: positions, offsets and scales are often made twice. */
const SMALL = 4096;

/** The same values, whatever the shape. */
function same(a: Tensor | undefined, b: Tensor | undefined): boolean {
  if (a === b || a === undefined || b === undefined) return a === b;
  const [x, y] = [a.data, b.data];
  if (a.dtype !== b.dtype || x.length !== y.length) return false;
  if (x.buffer === y.buffer) return x.byteOffset === y.byteOffset;
  return x.length <= SMALL && x.every((v, i) => v === y[i]);
}

/** Axes and attributes of the fusion by what its parts' scalars are: names as they stand, then multiples of one that is not known yet. */
function scalarsOf(op: OpDecl, parts: readonly Recorded[]): Record<string, number> {
  const s: Record<string, number> = {};
  const said = op.parts!.flatMap((p, i) =>
    Object.entries(p.scalars).flatMap(([k, v]) =>
      typeof v === "string" ? [{ v, is: parts[i].call.s[k] }] : [],
    ),
  );
  const unknown = (v: string): string[] =>
    (v.match(/[a-z_]\w*/gi) ?? []).filter((name) => s[name] === undefined);
  for (const { v, is } of said) if (/^[a-z_]\w*$/i.test(v)) s[v] = is;
  for (const { v, is } of said) {
    const [name, ...more] = unknown(v);
    if (name !== undefined && more.length === 0) s[name] = is / evalDim(v, { ...s, [name]: 1 });
  }
  return s;
}

/** The call of `op` that stands for `parts`, null when their scalars are not as it says. */
function callOf(op: OpDecl, parts: readonly Recorded[], given: ReadonlyMap<string, Tensor>): Call | null {
  const s = scalarsOf(op, parts);
  const t = Object.fromEntries(
    [...given].map(([name, x]): [string, Tensor] => {
      const { shape } = op.in[name];
      if (x.shape.length === shape.length) return [name, x];
      const own = evalShape(shape, s);
      return [name, numel(own) === numel(x.shape) ? tensor(x.dtype, own, x.data) : x];
    }),
  );
  const call = makeCall(op, t, s);
  const fits = op.parts!.every((p, i) =>
    Object.entries(partScalars(p, call.s)).every(([k, v]) => v === parts[i].call.s[k]),
  );
  return fits ? call : null;
}

/** The first calls of `free` that are wired as the parts of `op`, from part `i` on. */
function match(
  op: OpDecl,
  free: readonly Recorded[],
  parts: readonly Recorded[] = [],
  given: ReadonlyMap<string, Tensor> = new Map(),
): { readonly parts: readonly Recorded[]; readonly call: Call } | null {
  if (parts.length === op.parts!.length) {
    const call = callOf(op, parts, given);
    return call && chosen(call) ? { parts, call } : null;
  }
  const part = op.parts![parts.length];
  const made = new Map<string, Tensor>();
  parts.forEach((r, i) => Object.entries(op.parts![i].out).forEach(([k, as]) => made.set(as, r.out[k])));
  for (const r of free) {
    if (r.call.op !== part.op || parts.includes(r)) continue;
    const mine = new Map(given);
    const wired = Object.keys(part.op.in).every((k) => {
      const [x, from] = [r.call.t[k], part.in[k] as string | undefined];
      if (from === undefined || x === undefined)
        return x === undefined && (from === undefined || !mine.has(from));
      if (from in op.in && !mine.has(from)) return mine.set(from, x) !== undefined;
      return same(x, mine.get(from) ?? made.get(from));
    });
    const found = wired ? match(op, free, [...parts, r], mine) : null;
    if (found) return found;
  }
  return null;
}

/** How much of a fusion is wired within it: what is, can hardly be mistaken for something else. */
const wiring = (op: OpDecl): number => {
  const inner = op.parts!.flatMap((p) => Object.values(p.in)).filter((from) => !(from in op.in));
  return inner.length / op.parts!.length;
};

const twin = (a: Call, b: Call): boolean =>
  a.op === b.op &&
  Object.keys(a.op.in).every((k) => same(a.t[k], b.t[k])) &&
  Object.entries(a.s).every(([k, v]) => b.s[k] === v);

/** Launches in place of `calls`: chains before bundles, the longest first; what is called twice on the same tensors is launched once. */
export function fuse(calls: readonly Recorded[], ops: Iterable<OpDecl>): Fused[] {
  const fusions = [...ops]
    .filter((op) => op.parts)
    .sort((a, b) => wiring(b) - wiring(a) || b.parts!.length - a.parts!.length || (a.name < b.name ? -1 : 1));
  let free = calls.filter((r, i) => !calls.slice(0, i).some((before) => twin(before.call, r.call)));
  const found: { readonly at: number; readonly launch: Fused }[] = [];
  for (const op of fusions)
    for (let m = match(op, free); m; m = match(op, free)) {
      const { parts, call } = m;
      free = free.filter((r) => !parts.includes(r));
      const at = Math.min(...parts.map((r) => calls.indexOf(r)));
      found.push({ at, launch: { call, sites: parts.map((r) => r.site) } });
    }
  const alone = free.map((r) => ({ at: calls.indexOf(r), launch: { call: r.call, sites: [r.site] } }));
  return [...found, ...alone].sort((a, b) => a.at - b.at).map((x) => x.launch);
}
