/**
 * What the engine launches in place of chains: a fusion stands for the calls that its parts name and that are wired as it says. The
 * composition calls op by op, so the chains are found in what it called.
 */
import { fusionScalars, partScalars } from "../../kernels/fusion.ts";
import {
  evalShape,
  type OpDecl,
  type PartDecl,
  type Scalars,
  type TensorDecl,
} from "../../kernels/schema.ts";
import { numel, tensor, type Tensor } from "../../oracle/tensor.ts";
import { makeCall, type Call, type Tensors } from "../call.ts";

/** A call of the composition, and the tensors that it went on with. */
export interface Recorded {
  readonly call: Call;
  readonly site: string;
  readonly out: Tensors;
  /** Of how many slices of N it is one; `out` has the width of all. */
  readonly slices: number;
}

/** One launch: of the one recorded call, or of a fusion in place of several. */
export interface Fused {
  readonly call: Call;
  /** Of the calls that it stands for, in order. */
  readonly sites: readonly string[];
}

/** Tokens up to which the engine routes in one launch (native/engine/moe.cc kMostRoutedAtOnce). */
const MOST_ROUTED_AT_ONCE = 64;
const chosen = (c: Call): boolean =>
  !/^router_.*dispatch$/.test(c.op.name) || c.s.n_tok <= MOST_ROUTED_AT_ONCE;

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

/** A part of a fusion, the recorded call that it does, and that call's tensors and scalars as the part has them. */
interface Done {
  readonly r: Recorded;
  readonly t: Call["t"];
  readonly s: Scalars;
  /** Scalars of storage that the composition does not have (`OpDecl.packed`): they bind nothing. */
  readonly free: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();
const asIs = (r: Recorded): Done => ({ r, t: r.call.t, s: r.call.s, free: NONE });

/** Calls that may be `part`: of its op, or of the one that it does on tensors in another form, which an earlier part may do as well. */
function candidates(part: PartDecl, left: readonly Recorded[], parts: readonly Done[]): Done[] {
  const taken = new Set(parts.map((d) => d.r));
  const own = left.filter((r) => r.call.op === part.op && !taken.has(r)).map(asIs);
  const { packed } = part.op;
  if (!packed) return own;
  const packs = (r: Recorded): Done => {
    const s = packed.scalars(r.call.s);
    return { r, t: r.call.t, s, free: new Set(Object.keys(s).filter((k) => !(k in r.call.s))) };
  };
  const last = parts.findLast((d) => d.r.call.op.name === packed.of);
  const model = left.filter((r) => r.call.op.name === packed.of && !taken.has(r));
  return [...own, ...(last ? [last.r] : model).map(packs)];
}

/** Of storage that several parts share, as much as the one that needs most; of slices, a slice. */
function scalarsOf(op: OpDecl, parts: readonly Done[]): Record<string, number> {
  const said = op.parts!.flatMap((p, i) =>
    Object.entries(p.scalars).flatMap(([k, dim]) =>
      typeof dim === "string"
        ? [{ dim, is: parts[i].s[k], free: parts[i].free.has(k), slices: parts[i].r.slices }]
        : [],
    ),
  );
  // what comes later counts
  return fusionScalars([
    ...said.filter((x) => x.free).sort((a, b) => a.is - b.is),
    ...said.filter((x) => !x.free).sort((a, b) => a.slices - b.slices),
  ]);
}

/** What the composition does not have: pages of nothing, and slots in order. Neither changes a count. */
function standIn(d: TensorDecl, s: Scalars): Tensor {
  const shape = evalShape(d.shape, s);
  const n = numel(shape);
  if (d.dtype === "i32")
    return tensor(
      "i32",
      shape,
      Int32Array.from({ length: n }, (_, i) => i),
    );
  if (d.dtype === "u8") return tensor("u8", shape, new Uint8Array(n));
  throw new Error(`stand-in: expected slots or bytes, got ${d.dtype}`);
}

/** The call of `op` that stands for `parts`, null when their scalars are not as it says. */
function callOf(op: OpDecl, parts: readonly Done[], given: Given): Call | null {
  const s = scalarsOf(op, parts);
  const t = Object.fromEntries(
    [...given].map(([name, x]): [string, Tensor] => {
      const { shape } = op.in[name];
      if (x === null) return [name, standIn(op.in[name], s)];
      if (x.shape.length === shape.length) return [name, x];
      const own = evalShape(shape, s);
      return [name, numel(own) === numel(x.shape) ? tensor(x.dtype, own, x.data) : x];
    }),
  );
  const call = makeCall(op, t, s);
  // what follows slices was called at the width of all of them
  const slices = Math.max(...parts.map((d) => d.r.slices));
  const fits = op.parts!.every((p, i) =>
    Object.entries(partScalars(p, call.s)).every(([k, v]) => {
      const { s: own, free, r } = parts[i];
      return free.has(k) || v === own[k] || (r.slices < slices && v * slices === own[k]);
    }),
  );
  return fits ? call : null;
}

/** Inputs of a fusion; null for one that the composition does not have. */
type Given = ReadonlyMap<string, Tensor | null>;

interface Match {
  readonly parts: readonly Recorded[];
  readonly call: Call;
}

/** The first calls of `left` that are wired as the parts of `op`, behind those that `parts` are. */
function match(
  op: OpDecl,
  left: readonly Recorded[],
  parts: readonly Done[] = [],
  given: Given = new Map(),
): Match | null {
  if (parts.length === op.parts!.length) {
    const call = callOf(op, parts, given);
    return call && chosen(call) ? { parts: [...new Set(parts.map((d) => d.r))], call } : null;
  }
  const part = op.parts![parts.length];
  const made = new Map<string, Tensor>();
  parts.forEach((d, i) => Object.entries(op.parts![i].out).forEach(([k, as]) => made.set(as, d.r.out[k])));
  for (const d of candidates(part, left, parts)) {
    const mine = new Map(given);
    const wired = Object.keys(part.op.in).every((k) => {
      const [x, from] = [d.t[k], part.in[k] as string | undefined];
      if (from !== undefined && d.free.size > 0 && !(k in d.r.call.op.in))
        return mine.set(from, null) !== undefined;
      if (from === undefined || x === undefined)
        return x === undefined && (from === undefined || !mine.has(from));
      if (from in op.in && !mine.has(from)) return mine.set(from, x) !== undefined;
      return same(x, mine.get(from) ?? made.get(from));
    });
    const found = wired ? match(op, left, [...parts, d], mine) : null;
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

const packs = (op: OpDecl): number => (op.parts!.some((p) => p.op.packed) ? 1 : 0);

/**
 * Launches in place of `calls`: chains before bundles, what has the packed cache before its twin (the engine keeps keys and values so), the
 * longest first. What is called twice on the same tensors is launched once.
 */
export function fuse(calls: readonly Recorded[], ops: Iterable<OpDecl>): Fused[] {
  const fusions = [...ops]
    .filter((op) => op.parts)
    .sort(
      (a, b) =>
        wiring(b) - wiring(a) ||
        packs(b) - packs(a) ||
        b.parts!.length - a.parts!.length ||
        (a.name < b.name ? -1 : 1),
    );
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
