/** Cases of ops, each through the three oracles and the kernel: `verify --op`. */
import type { OpDecl, Variant } from "../kernels/schema.ts";
import { partCall, partOut } from "../oracle/fusion.ts";
import { makeCall, regretOf, runFaithful, runNative, legal, type Call, type NativeRun } from "./call.ts";
import { loadSuite } from "./discover.ts";
import { SeededInputs } from "./inputs.ts";
import { priceOf } from "./isolated.ts";
import type { Native } from "./native.ts";
import { ofCall, profileRecords, type ProfileSink } from "./profile_records.ts";
import { InlineOpinions } from "./opinions.ts";
import { outputRecords, type OutputsFile } from "./outputs.ts";
import type { Agreement, Row } from "./result.ts";
import { errorRows, rowOf, tapName, type RowContext } from "./rows.ts";
import type { OpsPlan } from "./plan.ts";
import { unitKey, type Session } from "./session.ts";
import { CLEAN, judge } from "./verdict.ts";

export interface OpPlan {
  readonly op: OpDecl;
  readonly case: string;
}

export interface OpOptions {
  readonly native: Native;
  readonly device: string;
  readonly seed: number;
  /** Launches on the same inputs; more than one can see a kernel that does not repeat itself. */
  readonly repeat: number;
  /** Kernels to run (default: the device's own). */
  readonly variant?: Variant;
  /** Name of the tfjs backend, null to leave tfjs out. */
  readonly tf: string | null;
  readonly onProfile: ProfileSink;
  /** Takes what each case gave. */
  readonly outputs?: OutputsFile;
  readonly signal?: AbortSignal;
}

/** Every case of `ops`, in order; `only` keeps the cases whose name contains it. */
export async function planOps(ops: readonly OpDecl[], only?: string): Promise<OpPlan[]> {
  const plan: OpPlan[] = [];
  for (const op of ops)
    for (const c of (await loadSuite(op)).cases)
      if (only === undefined || c.name === only || c.name.includes(only)) plan.push({ op, case: c.name });
  return plan;
}

/** Runs one case: a row an output. */
export async function runCase(p: OpPlan, o: OpOptions): Promise<Row[]> {
  const found = (await loadSuite(p.op)).cases.find((c) => c.name === p.case);
  if (!found) throw new Error(`case: expected one of op ${p.op.name}, got "${p.case}"`);
  const call = makeCall(p.op, found.make(new SeededInputs(o.seed, p.op.name, p.case)), found.attrs);
  const at = { call, mode: "op", layer: null, case: p.case, site: p.op.name } as const;
  try {
    const launched = runNative(o.native, call, o);
    launched.catch(() => undefined); // awaited below, after the oracles
    return await (p.op.parts ? compareParts(call, at, await launched, o) : compare(call, at, launched, o));
  } catch (e) {
    o.signal?.throwIfAborted();
    const rows = errorRows(at, e);
    o.outputs?.append({ kind: "failed", op: p.op.name, case: p.case, sentence: rows[0].sentence });
    return rows;
  }
}

type At = Omit<RowContext, "output"> & { readonly case: string };

/**
 * A fusion, part by part: each on what the kernel itself gave the part, so that a difference early in the chain is blamed on its own part
 * alone, and a quantiser is held bit for bit.
 */
async function compareParts(call: Call, at: At, native: NativeRun, o: OpOptions): Promise<Row[]> {
  const { op, s } = call;
  const rows: Row[] = [];
  profileRecords({ ...at, ...ofCall(call) }, native.profiles).forEach(o.onProfile);
  for (const r of outputRecords(call, at.case, native)) o.outputs?.append(r);
  for (const part of op.parts!) {
    const own = {
      ...native,
      profiles: [],
      out: partOut(part, native.out, s),
      guards: Object.fromEntries(Object.entries(part.out).map(([k, as]) => [k, native.guards[as]])),
    };
    const c = partCall(part, { ...call.t, ...native.out }, s);
    const site = `${op.name}.${part.name}`;
    rows.push(...(await compare(c, { ...at, call: c, fusion: op, site }, Promise.resolve(own), o)));
  }
  return rows;
}

async function compare(
  call: Call,
  at: At,
  launched: ReturnType<typeof runNative>,
  o: OpOptions,
): Promise<Row[]> {
  const faithful = await runFaithful(call);
  const second = await new InlineOpinions(o.tf).second(call, faithful.out);
  const native = await launched;
  profileRecords({ ...at, ...ofCall(call) }, native.profiles).forEach(o.onProfile);
  if (!at.fusion) for (const r of outputRecords(call, at.case, native)) o.outputs?.append(r);
  const regret = await regretOf(call, native.out);
  // what follows from a legal choice is held against the oracle under the same choice
  const ref = regret && legal(call.op, regret) ? (await runFaithful(call, native.out)).out : faithful.out;
  // one output apart and none is judged: what follows from a wrong choice is wrong with it
  const split = Object.values(second.oracles ?? {}).find((a) => !a.agree);
  return Object.entries(call.op.out).map(([output, decl]) => {
    const isChoice = decl.judge.kind === "choice";
    const reference = (isChoice ? faithful.out : ref)[output];
    const oracles: Agreement | null = split ?? second.oracles?.[output] ?? null;
    const v = judge({
      decl,
      scalars: call.s,
      native: native.out[output],
      faithful: reference,
      ideal: second.ideal[output],
      guards: native.guards[output] ?? CLEAN,
      oracles,
      ...(regret && isChoice ? { regret } : {}),
    });
    return rowOf(
      {
        ...at,
        output,
        site: tapName(call.op, at.site, output),
        faithful: reference,
        native: native.out[output],
        price: priceOf(second.price[output]),
        oracles,
        times: { native: native.ms, faithful: faithful.ms, ideal: second.ideal_ms, tf: second.tf_ms },
        counters: native.counters,
        variant: native.variant,
      },
      v,
    );
  });
}

/**
 * A corner case whose right answer is zero (or empty) cannot fail by its numbers, but it can crash, stay unwritten or leave its
 * buffer: it passes where another case of the same output was informative, and is vacuous where none was.
 */
export function settleVacuous(rows: readonly Row[]): Row[] {
  const informative = new Set(
    rows.filter((r) => r.status === "PASS" || r.status === "FAIL").map((r) => r.site),
  );
  return rows.map((r) => {
    if (r.status !== "VACUOUS" || !informative.has(r.site) || r.metrics === null) return r;
    const { reason, metrics, ...rest } = r;
    return {
      ...rest,
      metrics,
      status: "PASS",
      sentence: `${reason}; other cases of this output tell right from wrong`,
    };
  });
}

/** The suites' part of a run. */
export async function runOps(s: Session, p: OpsPlan): Promise<void> {
  const { native, tf, signal } = s;
  const { device, seed, repeat } = s.args;
  const { variant, outputs } = s;
  const onProfile: ProfileSink = (p) => s.store.append(p);
  let done = 0;
  for (const op of new Set(p.cases.map((c) => c.op))) {
    const rows: Row[] = [];
    for (const c of p.cases.filter((x) => x.op === op)) {
      const key = unitKey(c);
      done++;
      if (s.done.has(key)) continue;
      s.progress.show(`${done} of ${p.cases.length}: ${op.name} ${c.case}`);
      signal.throwIfAborted();
      const t0 = performance.now();
      const mine = await runCase(c, {
        native,
        device,
        seed,
        repeat,
        tf,
        onProfile,
        signal,
        ...(variant ? { variant } : {}),
        ...(outputs ? { outputs } : {}),
      });
      for (const r of mine) s.store.append(r);
      s.store.append({ kind: "done", key, ms: performance.now() - t0 });
      rows.push(...mine);
    }
    // the last row of a key counts
    for (const [i, r] of settleVacuous(rows).entries()) if (r !== rows[i]) s.store.append(r);
  }
}
