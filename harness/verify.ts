/** Runs a plan from the command line to the exit code: rows on disk as they come, tables at the end. */
import { setMaxListeners } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { ensureCheckpoint } from "../fixtures/checkpoint.ts";
import { openCheckpoint, type Checkpoint } from "../fixtures/reader.ts";
import { syntheticStreams } from "../fixtures/streams.ts";
import { REPORTERS, type ReporterName } from "../reports/index.ts";
import { TOLERANCE_VERSION } from "./bounds.ts";
import type { VerifyArgs } from "./commands/verify.ts";
import { findings, summary, tables } from "./console.ts";
import { environment, identityOf } from "./environment.ts";
import { EXIT, exitCode, UsageError } from "./exit.ts";
import { runEngine, verifyUnit, type ModelOptions, type Streams, type UnitRun } from "./model_run.ts";
import { loadNative, type Native, type NativeDevice } from "./native.ts";
import { runCase, settleVacuous } from "./op_run.ts";
import { checkOut, isWide, planOf, RUNS, type ModelPlan, type OpsPlan, type Plan } from "./plan.ts";
import { Progress } from "./progress.ts";
import type { RunHeader, Row, Status } from "./result.ts";
import { ThreadOpinions } from "./opinions_thread.ts";
import { loadState, saveState } from "./state.ts";
import { RESULTS, Store, StoreError } from "./store.ts";

interface Session {
  readonly args: VerifyArgs;
  readonly native: Native;
  readonly store: Store;
  readonly done: ReadonlySet<string>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly tf: string | null;
  readonly phase: (name: string, t0: number) => void;
}

const unitKeys = (p: ModelPlan | OpsPlan): string[] =>
  p.kind === "ops" ? p.cases.map((c) => `op/${c.op.name}/${c.case}`) : p.units.map((u) => `layer/${u.layer}`);

/** Newest run below `runs/` of the same plan that was not finished. */
function interrupted(identity: string): string {
  const dirs = existsSync(RUNS) ? readdirSync(RUNS).sort().reverse() : [];
  for (const d of dirs) {
    const path = join(RUNS, d, RESULTS);
    if (!existsSync(path)) continue;
    if (readFileSync(path, "utf8").split("\n", 1)[0].includes(`"identity":"${identity}"`))
      return join(RUNS, d);
  }
  throw new UsageError(
    `resume: expected an earlier run of this plan below ${relative("", RUNS) || RUNS}, got none`,
  );
}

const reporters = (text: string): ReporterName[] =>
  text
    .split(",")
    .filter((n) => n !== "none" && n !== "console")
    .map((n) => {
      if (n in REPORTERS) return n as ReporterName;
      throw new UsageError(`report: expected ${Object.keys(REPORTERS).join(", ")} or none, got "${n}"`);
    });

function deviceOf(native: Native, id: string): NativeDevice {
  const all = native.devices();
  const found = all.find((d) => d.id === id);
  if (!found) throw new UsageError(`device: expected one of ${all.map((d) => d.id).join(", ")}, got "${id}"`);
  return found;
}

function headerOf(
  a: VerifyArgs,
  p: ModelPlan | OpsPlan,
  typed: readonly string[],
  device: NativeDevice,
  tf: string,
): RunHeader {
  const model = p.kind === "model";
  const plan = {
    config: model ? a.config : "",
    format: model ? a.format : "",
    layers: model ? p.units.map((u) => u.layer) : [],
    ops: model ? [] : p.cases.map((c) => `${c.op.name}/${c.case}`),
    tokens: model ? p.prompt.ids.shape[0] : 0,
    modes: model ? p.modes : (["op"] as const),
    seed: a.seed,
    device: device.id,
    tf,
    all: a.all,
    repeat: a.repeat,
  };
  return {
    kind: "run",
    schema: 1,
    started: new Date().toISOString(),
    command: `pnpm verify ${typed.join(" ")}`,
    identity: identityOf(plan),
    config: plan.config,
    format: plan.format,
    tokens: plan.tokens,
    seed: a.seed,
    layers: [...plan.layers],
    ops: model ? [] : [...new Set(p.cases.map((c) => c.op.name))],
    modes: [...plan.modes],
    expected_units: unitKeys(p).length,
    device: {
      id: device.id,
      name: device.name,
      virtual: device.id === "virtual",
      detail: { compute_capability: device.compute_capability.join(".") },
    },
    tf_backend: tf,
    tolerance: TOLERANCE_VERSION,
    environment: environment(),
  };
}

/** The tfjs backend's name after its self-test; null with --no-tf. */
async function startTf(a: VerifyArgs): Promise<string | null> {
  if (!a.tf) return null;
  const { describeBackend } = await import("../oracle/tf/backend.ts");
  const { selfTest } = await import("../oracle/tf/selftest.ts");
  const t = selfTest();
  for (const c of t.changes) process.stderr.write(`tfjs: ${c}\n`);
  return describeBackend();
}

async function runOps(s: Session, p: OpsPlan): Promise<void> {
  let done = 0;
  for (const op of new Set(p.cases.map((c) => c.op))) {
    const cases = p.cases.filter((c) => c.op === op);
    const rows: Row[] = [];
    for (const c of cases) {
      const key = `op/${op.name}/${c.case}`;
      done++;
      if (s.done.has(key)) continue;
      s.progress.show(`${done} of ${p.cases.length}: ${op.name} ${c.case}`);
      s.signal.throwIfAborted();
      const { native, tf, signal } = s;
      const o = { native, device: s.args.device, seed: s.args.seed, repeat: s.args.repeat, tf, signal };
      rows.push(...(await runCase(c, o)));
    }
    for (const r of settleVacuous(rows)) s.store.append(r);
    for (const c of cases) {
      const key = `op/${op.name}/${c.case}`;
      if (!s.done.has(key)) s.store.append({ kind: "done", key, ms: 0 });
    }
  }
}

async function runModel(s: Session, p: ModelPlan): Promise<void> {
  const c = p.config.config;
  const whole = p.units.some((u) => u.embed || u.tail);
  const layers = p.units.map((u) => u.layer);
  let t0 = performance.now();
  const experts = isWide(c) && !whole ? await few(s, p) : undefined;
  const dir = ensureCheckpoint({
    config: p.config,
    ...(experts ? { experts } : {}),
    seed: s.args.seed,
    layers: whole ? [...layers, ...Array.from({ length: c.n_mtp }, (_, i) => c.n_layer + i)] : layers,
    top: whole,
    onProgress: (t) => s.progress.show(t),
  });
  s.phase("checkpoint", t0);
  t0 = performance.now();
  const checkpoint: Checkpoint = openCheckpoint(dir);
  const opinions = new ThreadOpinions(dir, s.tf); // loads while the engine opens
  const { native, signal } = s;
  const accumulated = p.modes.includes("accumulated");
  const engine = accumulated ? await native.openEngine({ dir, device: s.args.device, signal }) : null;
  s.phase("load", t0);
  const o: ModelOptions = {
    native,
    signal,
    engine,
    config: c,
    weights: checkpoint.weights,
    modes: p.modes,
    prompt: p.prompt,
    device: s.args.device,
    opinions,
  };
  t0 = performance.now();
  try {
    await walk(s, p, o);
  } finally {
    s.phase("run", t0);
    await opinions.close();
    await engine?.close();
    checkpoint.close();
  }
}

/** Experts that the tokens choose, for layers too large to write whole. */
async function few(s: Session, p: ModelPlan): Promise<Record<string, number[]>> {
  const { chosenExperts } = await import("./experts.ts");
  s.progress.show("asking the router which experts are needed");
  const x = fresh(p, p.units[0].layer, s.args.seed).faithful;
  return chosenExperts(p.config.config, s.args.seed, p.units, p.prompt, x);
}

/** Unit by unit; the engine is one unit ahead of the oracles. */
async function walk(s: Session, p: ModelPlan, o: ModelOptions): Promise<void> {
  const { units } = p;
  const start = units.findIndex((u) => !s.done.has(`layer/${u.layer}`));
  if (start < 0) return;
  const first = units[start];
  let streams: Streams =
    start > 0
      ? loadState(s.store.dir, units[start - 1].layer)
      : first.embed
        ? { native: null, faithful: null, ideal: null }
        : fresh(p, first.layer, s.args.seed);
  const go = (k: number, x: Streams["native"]): ReturnType<typeof runEngine> | null => {
    if (!o.engine || k >= units.length) return null;
    const run = runEngine(o, units[k], x);
    run.catch(() => undefined); // awaited by verifyUnit
    return run;
  };
  const keep = async (k: number, r: UnitRun, t0: number): Promise<void> => {
    const { rows, divergences, ideal } = await r.result;
    for (const row of rows) s.store.append(row);
    for (const d of divergences) s.store.append(d);
    saveState(s.store.dir, units[k].layer, { native: r.native ?? r.faithful, faithful: r.faithful, ideal });
    s.store.append({ kind: "done", key: `layer/${units[k].layer}`, ms: performance.now() - t0 });
  };
  let ahead = go(start, streams.native);
  let pending: Promise<void> = Promise.resolve();
  for (let k = start; k < units.length; k++) {
    const u = units[k];
    s.signal.throwIfAborted();
    s.progress.show(`layer ${u.layer} (${k + 1} of ${units.length})`);
    const t0 = performance.now();
    const shape = [p.prompt.ids.shape[0], o.config.hc, o.config.d_model];
    // in an object: a promise that gives a promise would wait for it
    const next = ahead?.then(
      (r) => ({ run: go(k + 1, { dtype: "bf16", shape, data: r.x }) }),
      () => null,
    );
    const unit = await verifyUnit(o, u, streams, ahead);
    // where the engine could not run a layer, the next one starts from the faithful streams
    const native = unit.native ?? unit.faithful;
    const started = await next;
    ahead = started ? started.run : go(k + 1, native);
    streams = { native, faithful: unit.faithful, ideal: "carry" };
    await pending;
    pending = keep(k, unit, t0);
    pending.catch(() => undefined); // awaited in the next round
  }
  await pending;
}

function fresh(p: ModelPlan, layer: number, seed: number): Streams {
  const { x } = syntheticStreams(p.config.config, layer, p.prompt.ids.shape[0], seed);
  return { native: x, faithful: x, ideal: x };
}

function writeReports(s: Store, names: readonly ReporterName[]): string[] {
  const results = s.results();
  return names.flatMap((name) =>
    REPORTERS[name].render(results).map((f) => {
      const path = join(s.dir, f.name);
      writeFileSync(path, f.content);
      return path;
    }),
  );
}

/** Runs `a` and returns the exit code. Throws UsageError before anything is written when the command line is wrong. */
export async function verify(a: VerifyArgs, typed: readonly string[]): Promise<number> {
  const begin = performance.now();
  if (a.list) {
    const { list } = await import("./list.ts");
    process.stdout.write(await list());
    return EXIT.ok;
  }
  const names = reporters(a.report);
  const plan: Plan = await planOf(a);
  if (plan.kind === "golden") {
    const { golden } = await import("./golden_table.ts");
    return golden(plan.dir, a.tf);
  }
  const out = a.out === undefined ? null : checkOut(a.out);
  const progress = new Progress(process.stderr);
  const phases: Record<string, number> = {};
  const phase = (name: string, t0: number): void => {
    phases[name] = (phases[name] ?? 0) + (performance.now() - t0) / 1e3;
  };

  const abort = new AbortController();
  setMaxListeners(0, abort.signal); // one a launch in flight
  const stop = (): void => {
    if (abort.signal.aborted) process.exit(EXIT.interrupted);
    abort.abort(new Error("interrupted"));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);

  let t0 = performance.now();
  const native = await loadNative({
    onProgress: (f, what) => progress.show(`build ${Math.round(100 * f)} % ${what}`),
  });
  phase("build", t0);
  const device = deviceOf(native, a.device);
  t0 = performance.now();
  const tf = await startTf(a);
  phase("tfjs", t0);
  const header = headerOf(a, plan, typed, device, tf ?? "not run");
  const stamp = new Date().toISOString().replace(/[:.]/g, "-").slice(0, 19);
  const dir = out ?? (a.resume ? interrupted(header.identity) : join(RUNS, `${stamp}-${process.pid}`));
  mkdirSync(RUNS, { recursive: true });
  const { store, done } = Store.open(dir, header, a.resume);
  const session: Session = { args: a, native, store, done, progress, signal: abort.signal, tf, phase };
  try {
    if (plan.kind === "ops") await runOps(session, plan);
    else await runModel(session, plan);
  } catch (e) {
    if (e instanceof StoreError) throw new UsageError(e.message);
    if (!abort.signal.aborted) throw e;
  } finally {
    progress.clear();
  }
  return finish(session, names, phases, begin);
}

function finish(
  s: Session,
  names: readonly ReporterName[],
  phases: Record<string, number>,
  begin: number,
): number {
  const counts: Partial<Record<Status, number>> = {};
  for (const r of s.store.results().rows) counts[r.status] = (counts[r.status] ?? 0) + 1;
  const stopped = s.signal.aborted;
  const exit = stopped ? EXIT.interrupted : exitCode(counts);
  const wall_s = (performance.now() - begin) / 1e3;
  s.store.append({ kind: "end", wall_s, phases, counts, exit, interrupted: stopped });
  const results = s.store.results();
  const files = writeReports(s.store, names);
  s.store.close();
  const text = [tables(results, process.stdout), findings(results, process.stdout)]
    .filter((t) => t !== "")
    .join("\n\n");
  process.stdout.write(`${text}\n\n${summary(results, wall_s, process.stdout)}\n`);
  if (stopped) process.stdout.write(`interrupted: rows are kept in ${s.store.dir}; add --resume to go on\n`);
  for (const f of files) process.stdout.write(`${f}\n`);
  return exit;
}
