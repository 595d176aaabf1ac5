/**
 * Two kernels of one op, case by case on the same inputs: each held against the faithful oracle, and one against the other. On a GPU their
 * launches are interleaved A B B A and compared by medians; the virtual device counts them and models a B200.
 */
import type { OpDecl, Variant } from "../kernels/schema.ts";
import { makeCall, runFaithful, runNative, type Call, type NativeRun, type Tensors } from "./call.ts";
import { loadSuite } from "./discover.ts";
import { distance } from "./distance.ts";
import { SeededInputs } from "./inputs.ts";
import { judgedCalls, referenceOf, type JudgedCall } from "./judged.ts";
import type { Native } from "./native.ts";
import type { Status } from "./result.ts";
import { roofline } from "./roofline.ts";
import { judge, type Verdict } from "./verdict.ts";
import { workOf, type Work } from "./work.ts";

export interface AbOptions {
  readonly native: Native;
  readonly device: string;
  readonly a: Variant;
  readonly b: Variant;
  /** Rounds of A B B A on a GPU. */
  readonly rounds: number;
  readonly seed: number;
}

/** What one launch cost: counted on the virtual device, timed on a GPU. */
export interface Cost {
  readonly thread_instructions: number;
  /** Device memory, each byte once. */
  readonly device_bytes: number;
  readonly macs: number;
  /** Modelled microseconds on a B200, and what bounds them. */
  readonly model_us: number;
  readonly bound: string;
}

export interface Side {
  /** The kernel that ran: a variant that does not take the shape gives way to the portable one. */
  readonly variant: Variant;
  readonly status: Status;
  readonly sentence: string;
  /** Against the faithful oracle; the largest share of a bound. */
  readonly calc_diff: number;
  readonly share: number | null;
  /** Largest of what a choice gave away, against the best for its own scores; null for outputs that are no choice. */
  readonly regret: number | null;
  readonly cost: Cost | null;
  /** Median of the launches; null on the virtual device, whose time says nothing. */
  readonly median_ms: number | null;
}

export interface AbRow {
  readonly case: string;
  readonly output: string;
  readonly a: Side;
  readonly b: Side;
  readonly between: { readonly calc_diff: number; readonly differ: number; readonly n: number };
  /** What no kernel of the op can do without. */
  readonly work: Work;
}

export const median = (xs: readonly number[]): number => {
  const s = [...xs].sort((a, b) => a - b);
  const mid = s.length >> 1;
  return s.length % 2 === 1 ? s[mid] : (s[mid - 1] + s[mid]) / 2;
};

interface Ran {
  readonly run: NativeRun;
  readonly cost: Cost | null;
  readonly ms: readonly number[];
}

async function once(o: AbOptions, call: Call, variant: Variant): Promise<Ran> {
  const virtual = o.device === "virtual";
  const run = await runNative(o.native, call, { device: o.device, repeat: 1, variant });
  if (!virtual) return { run, cost: null, ms: [run.ms] };
  // a second launch, when there was one, only settled what the first had written
  const [p] = run.profiles;
  if (p === undefined) return { run, cost: null, ms: [] }; // a grid without CTAs is no launch
  const model = roofline(p);
  const cost: Cost = {
    thread_instructions: p.thread_instructions,
    device_bytes: p.bytes.global_read_unique + p.bytes.global_write_unique,
    macs: Object.values(p.mma).reduce((sum, m) => sum + m.issued, 0),
    model_us: model.microseconds,
    bound: model.bound,
  };
  return { run, cost, ms: [] };
}

/** One case: a row an output. */
export async function abCase(op: OpDecl, name: string, o: AbOptions): Promise<AbRow[]> {
  const found = (await loadSuite(op)).cases.find((c) => c.name === name);
  if (!found) throw new Error(`case: expected one of op ${op.name}, got "${name}"`);
  const call = makeCall(op, found.make(new SeededInputs(o.seed, op.name, name)), found.attrs);
  const first = { a: await once(o, call, o.a), b: await once(o, call, o.b) };
  const ms = { a: [...first.a.ms], b: [...first.b.ms] };
  if (o.device !== "virtual")
    for (let i = 0; i < o.rounds; i++)
      for (const side of ["a", "b", "b", "a"] as const) ms[side].push(...(await once(o, call, o[side])).ms);

  const faithful = new Map<Call, Tensors>(); // an op's is the same for both kernels, a part's depends on what the parts before it gave
  const sideOf = async (side: "a" | "b"): Promise<Record<string, Side>> => {
    const { run, cost } = first[side];
    const sides: Record<string, Side> = {};
    for (const own of judgedCalls(call, run)) {
      if (!faithful.has(own.call)) faithful.set(own.call, (await runFaithful(own.call)).out);
      for (const [output, v] of Object.entries(await verdicts(own, faithful.get(own.call)!)))
        sides[own.part?.out[output] ?? output] = {
          variant: run.variant,
          status: v.status,
          sentence: v.sentence,
          calc_diff: v.metrics?.calc_diff ?? NaN,
          share: v.share,
          regret: v.decisions?.max_regret ?? null,
          cost,
          // the first launch of each loads its module
          median_ms: ms[side].length > 1 ? median(ms[side].slice(1)) : null,
        };
    }
    return sides;
  };
  const [a, b] = [await sideOf("a"), await sideOf("b")];
  return Object.keys(op.out).map((output): AbRow => {
    const [x, y] = [first.a.run.out[output], first.b.run.out[output]];
    const n = x.data.length;
    let differ = 0;
    for (let i = 0; i < n; i++) if (x.data[i] !== y.data[i]) differ++;
    return {
      case: name,
      output,
      a: a[output],
      b: b[output],
      between: { calc_diff: distance(x, y).calc_diff, differ, n },
      work: workOf(call),
    };
  });
}

/** What verify says of each output, less the second oracle's opinion. */
async function verdicts({ call, native }: JudgedCall, faithful: Tensors): Promise<Record<string, Verdict>> {
  const { out, regret } = await referenceOf(call, faithful, native.out);
  return Object.fromEntries(
    Object.entries(call.op.out).map(([output, decl]) => [
      output,
      judge({
        decl,
        scalars: call.s,
        native: native.out[output],
        faithful: out[output],
        guards: native.guards[output],
        oracles: null,
        ...(regret && decl.judge.kind === "choice" ? { regret } : {}),
      }),
    ]),
  );
}

const sci = (x: number): string => (x === 0 ? "0" : x.toExponential(1));
const ratio = (b: number | undefined | null, a: number | undefined | null): string =>
  a === undefined || b === undefined || a === null || b === null || a === 0 ? "-" : (b / a).toFixed(2);
const regret = (s: Side): string => (s.regret === null ? "-" : sci(s.regret));
const short = (s: Side): string =>
  s.status === "PASS" || s.status === "VACUOUS" ? sci(s.calc_diff) : s.status;
const us = (s: Side): string =>
  s.median_ms !== null ? (1e3 * s.median_ms).toFixed(1) : s.cost ? s.cost.model_us.toPrecision(3) : "-";

/**
 * Lines of the table. B/A above 1: A is cheaper. Bytes and MACs are over what the op cannot do without. On a GPU `us` is the median of the launches; on the virtual device it is
 * the model of a B200.
 */
export function abTable(rows: readonly AbRow[], o: Pick<AbOptions, "a" | "b" | "device">): string[] {
  const time = o.device === "virtual" ? "model us" : "us";
  const head = [
    "case",
    "output",
    `A ${o.a}`,
    `B ${o.b}`,
    "A regret",
    "B regret",
    "A~B",
    "bits differ",
    `A ${time}`,
    `B ${time}`,
    "B/A",
    "A bytes",
    "B bytes",
    "A MACs",
    "B MACs",
    "instr B/A",
  ];
  const cells = rows.map((r) => [
    r.case,
    r.output,
    `${short(r.a)}${r.a.variant === o.a ? "" : ` (${r.a.variant})`}`,
    `${short(r.b)}${r.b.variant === o.b ? "" : ` (${r.b.variant})`}`,
    regret(r.a),
    regret(r.b),
    sci(r.between.calc_diff),
    `${r.between.differ} of ${r.between.n}`,
    us(r.a),
    us(r.b),
    r.a.median_ms !== null
      ? ratio(r.b.median_ms, r.a.median_ms)
      : ratio(r.b.cost?.model_us, r.a.cost?.model_us),
    ratio(r.a.cost?.device_bytes, r.work.bytes.read + r.work.bytes.write),
    ratio(r.b.cost?.device_bytes, r.work.bytes.read + r.work.bytes.write),
    ratio(r.a.cost?.macs, r.work.macs),
    ratio(r.b.cost?.macs, r.work.macs),
    ratio(r.b.cost?.thread_instructions, r.a.cost?.thread_instructions),
  ]);
  const widths = head.map((t, i) => Math.max(t.length, ...cells.map((l) => l[i].length)));
  const line = (l: readonly string[]): string =>
    l
      .map((s, i) => (i < 2 ? s.padEnd(widths[i]) : s.padStart(widths[i])))
      .join("  ")
      .trimEnd();
  return [line(head), ...cells.map(line)];
}
