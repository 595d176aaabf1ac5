/** Runs a plan from the command line to the exit code: rows on disk as they come, tables at the end. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { ReporterName } from "../reports/index.ts";
import type { VerifyArgs } from "./commands/verify.ts";
import { virtualOptions, type VirtualOptions } from "./virtual_options.ts";
import { findings, summary, tables } from "./console.ts";
import { EXIT, exitCode, UsageError } from "./exit.ts";
import { onInterrupt } from "./interrupt.ts";
import { loadNative, type Native, type NativeDevice } from "./native.ts";
import { runOps } from "./op_run.ts";
import { OutputsFile } from "./outputs.ts";
import { ThreadOpinions } from "./opinions_thread.ts";
import { checkOut, planOf, RUNS, type ModelPlan, type OpsPlan } from "./plan.ts";
import { Progress } from "./progress.ts";
import type { Status } from "./result.ts";
import { headerOf, type Session } from "./session.ts";
import { RESULTS, Store, StoreError } from "./store.ts";
import { startTf } from "./tf.ts";
import { runModel } from "./walk.ts";

/** Folder of the newest run of the same plan and sources. */
function earlier(identity: string): string {
  const dirs = existsSync(RUNS) ? readdirSync(RUNS).sort().toReversed() : [];
  const found = dirs.find((d) => {
    const path = join(RUNS, d, RESULTS);
    return (
      existsSync(path) && readFileSync(path, "utf8").split("\n", 1)[0].includes(`"identity":"${identity}"`)
    );
  });
  if (found !== undefined) return join(RUNS, found);
  throw new UsageError(
    `resume: expected an earlier run of this plan below ${relative(process.cwd(), RUNS)}, got none`,
  );
}

/** Reporters are loaded when there is something to report; what they are called is checked first. */
async function reporterNames(text: string): Promise<ReporterName[]> {
  const names = text.split(",").filter((n) => n !== "none" && n !== "console");
  if (names.length === 0) return [];
  const { REPORTERS } = await import("../reports/index.ts");
  for (const n of names)
    if (!(n in REPORTERS))
      throw new UsageError(`report: expected ${Object.keys(REPORTERS).join(", ")} or none, got "${n}"`);
  return names as ReporterName[];
}

function deviceOf(native: Native, id: string): NativeDevice {
  const all = native.devices();
  const found = all.find((d) => d.id === id);
  if (!found) throw new UsageError(`device: expected one of ${all.map((d) => d.id).join(", ")}, got "${id}"`);
  return found;
}

/** Runs `a` and returns the exit code. Throws UsageError before anything is written when the command line is wrong. */
export async function verify(a: VerifyArgs, typed: readonly string[]): Promise<number> {
  if (a.list) {
    const { list } = await import("./list.ts");
    process.stdout.write(await list());
    return EXIT.ok;
  }
  const names = await reporterNames(a.report);
  const plan = await planOf(a);
  const virtual = virtualOptions(a, a.profile);
  if (plan.kind === "golden") {
    const { golden } = await import("./golden_table.ts");
    return golden(plan.dir, a.tf);
  }
  if (a.out !== undefined) checkOut(a.out);
  // tfjs loads on its thread while the addon is built or opened
  const opinions = plan.kind === "model" ? new ThreadOpinions(a.tf) : null;
  const { abort, release } = onInterrupt();
  try {
    return await run(a, typed, plan, names, virtual, opinions, abort);
  } finally {
    release();
    await opinions?.close();
  }
}

async function run(
  a: VerifyArgs,
  typed: readonly string[],
  plan: ModelPlan | OpsPlan,
  names: readonly ReporterName[],
  virtual: VirtualOptions,
  opinions: ThreadOpinions | null,
  abort: AbortController,
): Promise<number> {
  const begin = performance.now();
  const greeting = opinions ? opinions.hello() : startTf(a.tf);
  greeting.catch(() => undefined); // awaited below
  const progress = new Progress(process.stderr);
  const phases: Record<string, number> = {};
  const phase = (name: string, t0: number): void => {
    phases[name] = (phases[name] ?? 0) + (performance.now() - t0) / 1e3;
  };
  let t0 = performance.now();
  const native = await loadNative({
    kernels: plan.kind === "model" && a.device === "virtual" && a.variant !== "portable" ? "sm100" : "all",
    onProgress: (f, what) => progress.show(`build ${Math.round(100 * f)} % ${what}`),
  });
  phase("build", t0);
  const device = deviceOf(native, a.device);
  native.virtual(virtual);
  t0 = performance.now();
  const { tf, changes } = await greeting;
  for (const c of changes) process.stderr.write(`tfjs: ${c}\n`);
  phase("tfjs", t0);

  const header = headerOf(a, plan, typed, device, tf ?? "not run");
  const stamp = new Date().toISOString().replace(/[:.]/g, "-").slice(0, 19);
  const dir = a.out ?? (a.resume ? earlier(header.identity) : join(RUNS, `${stamp}-${process.pid}`));
  const { store, done } = Store.open(dir, header, a.resume);
  const variant = a.variant === "auto" ? {} : { variant: a.variant };
  const outputs =
    a.outputs === undefined
      ? null
      : new OutputsFile(a.outputs, {
          kind: "device",
          id: device.id,
          name: device.name,
          variant: a.variant,
          seed: a.seed,
          commit: header.environment.commit,
        });
  const session: Session = {
    args: a,
    native,
    store,
    done,
    progress,
    signal: abort.signal,
    tf,
    phase,
    ...variant,
    ...(outputs ? { outputs } : {}),
  };
  try {
    if (plan.kind === "ops") await runOps(session, plan);
    else await runModel(session, plan, opinions!);
  } catch (e) {
    if (!abort.signal.aborted || e instanceof StoreError) throw e;
  } finally {
    outputs?.close();
    progress.clear();
  }
  return finish(session, names, phases, begin);
}

/** Ends the results file, writes the reports and prints the tables. */
async function finish(
  s: Session,
  names: readonly ReporterName[],
  phases: Record<string, number>,
  begin: number,
): Promise<number> {
  const counts: Partial<Record<Status, number>> = {};
  for (const r of s.store.results().rows) counts[r.status] = (counts[r.status] ?? 0) + 1;
  const stopped = s.signal.aborted;
  const exit = stopped ? EXIT.interrupted : exitCode(counts);
  const wall_s = (performance.now() - begin) / 1e3;
  s.store.append({ kind: "end", wall_s, phases, counts, exit, interrupted: stopped });
  const results = s.store.results();
  s.store.close();
  const files: string[] = [];
  if (names.length > 0) {
    const { REPORTERS } = await import("../reports/index.ts");
    for (const f of names.flatMap((n) => REPORTERS[n].render(results))) {
      const path = join(s.store.dir, f.name);
      writeFileSync(path, f.content);
      files.push(path);
    }
  }
  const profiles =
    results.profiles.length > 0 ? (await import("../reports/profile_text.ts")).profileText(results) : "";
  const text = [tables(results, process.stdout), profiles, findings(results, process.stdout)].filter(
    (t) => t !== "",
  );
  process.stdout.write(`${text.join("\n\n")}\n\n${summary(results, wall_s, process.stdout)}\n`);
  if (stopped) process.stdout.write(`interrupted: rows are kept in ${s.store.dir}; add --resume to go on\n`);
  for (const f of files) process.stdout.write(`${f}\n`);
  return exit;
}
