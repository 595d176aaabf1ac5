/**
 * Does the instrument see? Each fault of a list is put into a copy of the project, `verify` runs there, and its answer is held
 * against what the fault should have given: red, and blamed on the right op at the right place, or on the oracle.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./discover.ts";
import { EXIT } from "./exit.ts";
import { ensureNative } from "./native_build.ts";
import type { Progress } from "./progress.ts";
import { decode, type Results, type Row } from "./result.ts";
import { Scratch } from "./scratch.ts";
import { RESULTS } from "./store.ts";

export const KINDS = ["kernel", "engine", "loader", "oracle"] as const;
export type Kind = (typeof KINDS)[number];

/** Exit code of a run whose gravest finding is of that kind. */
const CODE = { FAIL: EXIT.fail, ERROR: EXIT.error, ORACLE_SPLIT: EXIT.split } as const;

/** A fault as data: one line of the project changed, and who must notice. */
export interface Fault {
  /** Unique; what `--only` takes. */
  readonly id: string;
  readonly kind: Kind;
  /** Reported bugs of the same nature, by their number in the collection of DeepSeek-V4 inference bugs. */
  readonly zoo: readonly string[];
  /** What is wrong with the changed program. */
  readonly what: string;
  /** Path from the project's root. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Arguments of `pnpm verify` that must turn red. */
  readonly run: readonly string[];
  /**
   * FAIL: a kernel, or what the engine made of it, is wrong. ERROR: the device stopped it (a trap, an access outside a buffer).
   * ORACLE_SPLIT: the oracles are not one.
   */
  readonly blame: keyof typeof CODE;
  /**
   * Where. `--op`: a tap of the op (`hc_split.post`). Layers: the tap of the first divergence. `--golden`: the first tensor that is
   * beyond its bound.
   */
  readonly at: string;
  /** Why nothing can see it yet. Such a fault is listed as blind, not as missed, and being seen is then an error: drop the mark. */
  readonly blind?: string;
}

/** caught: red and named right. misplaced: red, but another op, place or party is named. blind: missed, and known to be. */
export type Outcome = "caught" | "misplaced" | "missed" | "blind" | "error";

export interface Finding {
  readonly fault: Fault;
  readonly outcome: Outcome;
  /** What verify said, in a few words. */
  readonly said: string;
  readonly seconds: number;
}

/** One answer of verify. */
interface Answer {
  readonly code: number | null;
  readonly text: string;
  readonly results: Results | null;
  readonly seconds: number;
}

const TIMEOUT_S = 300;
const isGolden = (run: readonly string[]): boolean => run.includes("--golden");

async function ask(s: Scratch, run: readonly string[]): Promise<Answer> {
  const out = join(s.dir, "out");
  rmSync(out, { recursive: true, force: true });
  const t0 = performance.now();
  const args = ["--import", "tsx", "harness/cli.ts", "verify", ...run, "--report", "none", "--out", out];
  const { code, text } = await s.node(args, TIMEOUT_S);
  const path = join(out, RESULTS);
  const results = existsSync(path) ? decode(readFileSync(path, "utf8"), path) : null;
  return { code, text, results, seconds: (performance.now() - t0) / 1e3 };
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? "";

/** Order in which a layer makes the tensors that a golden bundle holds. */
const STAGES = [
  "attn_hc",
  "compressed",
  "indexer.scores",
  "indexer.topk",
  "attention",
  "ffn_hc",
  "router",
  "moe",
  "output",
];
function place(tensor: string): number {
  const m = /^layers\.(\d+)\.(.*)$/.exec(tensor);
  if (!m) return 1e6;
  const stage = STAGES.findIndex((s) => m[2].startsWith(s));
  return Number(m[1]) * STAGES.length + stage;
}

/** Tensors beyond their bound, as the golden table says it. */
const beyond = (text: string): string[] =>
  [...text.matchAll(/^(\S+): the (?:exact|tf) oracle is /gm)]
    .map((m) => m[1])
    .sort((a, b) => place(a) - place(b));

/** Where verify puts the blame; null when it names nothing of that kind. */
function named(f: Fault, a: Answer): string | null {
  if (isGolden(f.run)) return beyond(a.text)[0] ?? null;
  const bad = (a.results?.rows ?? []).filter((r) => r.status === f.blame);
  const first = a.results?.divergences.find((d) => d.mode === "accumulated");
  if (f.blame === "FAIL" && first) return first.site;
  // a run that stopped has no row at the place where it did; its sentence says it: "layers.4.attn.core (sparse_attention): ..."
  const stopped = bad.map((r) => /^(\S+) \(\w+\): /.exec(r.sentence)?.[1]).find((x) => x !== undefined);
  if (f.blame === "ERROR" && stopped !== undefined) return stopped;
  return (bad.find((r) => r.site === f.at) ?? bad[0])?.site ?? null;
}

/** Of rows that all passed: did the fault change anything, and how near was it to being seen? */
function nearMiss(a: Answer, clean: ReadonlyMap<string, Row>): string {
  const changed = (a.results?.rows ?? []).filter((r) => {
    const was = clean.get(r.key);
    return was && (was.hashes.native !== r.hashes.native || was.hashes.faithful !== r.hashes.faithful);
  });
  if (changed.length === 0) return "not triggered: no bit of any row changed";
  const most = changed.reduce((x, y) => ((y.share ?? 0) > (x.share ?? 0) ? y : x));
  return `${changed.length} rows changed, nearest ${most.site}${most.case ? ` ${most.case}` : ""} at ${(100 * (most.share ?? 0)).toFixed(0)} % of its bound`;
}

function judge(f: Fault, a: Answer, clean: ReadonlyMap<string, Row>): Omit<Finding, "fault" | "seconds"> {
  if (a.code === null) return { outcome: "error", said: `no answer within ${TIMEOUT_S} s` };
  if (a.code === EXIT.ok && f.blind !== undefined) return { outcome: "blind", said: f.blind };
  if (f.blind !== undefined) return { outcome: "error", said: "expected to be blind to it, got a red run" };
  if (a.code === EXIT.ok)
    return { outcome: "missed", said: isGolden(f.run) ? "within bounds" : nearMiss(a, clean) };
  const at = named(f, a);
  if (a.code === CODE[f.blame] && at === f.at) return { outcome: "caught", said: at };
  if (a.results === null && !isGolden(f.run)) return { outcome: "error", said: lastLine(a.text) };
  const worst = a.results?.rows.find((r) => r.status !== "PASS");
  const other = worst ? `${worst.status} ${worst.site}` : lastLine(a.text);
  return { outcome: "misplaced", said: `exit ${a.code}, ${at ?? other}, expected ${f.at}` };
}

const keyOf = (run: readonly string[]): string => run.join(" ");

/** Runs on the unchanged copy that must be green first: ops in one go, every other command by itself. */
function baselines(faults: readonly Fault[]): string[][] {
  const ops = new Set<string>();
  const others = new Map<string, string[]>();
  for (const f of faults)
    if (f.run[0] === "--op" && f.run.length === 2) ops.add(f.run[1]);
    else others.set(keyOf(f.run), [...f.run]);
  return [...(ops.size > 0 ? [["--op", [...ops].join(",")]] : []), ...others.values()];
}

/** Works on `tasks` with every scratch copy at once; each gets the next task when it is free. */
async function share<T>(
  scratches: readonly Scratch[],
  tasks: readonly T[],
  work: (s: Scratch, t: T) => Promise<void>,
) {
  let next = 0;
  const go = async (s: Scratch): Promise<void> => {
    while (next < tasks.length) await work(s, tasks[next++]);
  };
  await Promise.all(scratches.map(go));
}

export interface FaultOptions {
  readonly jobs: number;
  readonly progress: Progress;
  /** Called with each finding as it comes. */
  readonly onFinding: (f: Finding) => void;
}

/** Throws when the unchanged project is not green: then no fault can be judged. */
export async function runFaults(faults: readonly Fault[], o: FaultOptions): Promise<Finding[]> {
  await ensureNative({ onProgress: (f, what) => o.progress.show(`build ${Math.round(100 * f)} % ${what}`) });
  const dir = mkdtempSync(join(tmpdir(), "dsv4-faults-"));
  const findings: Finding[] = [];
  const scratches: Scratch[] = [];
  const leave = (): void => {
    for (const s of scratches) s.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  const interrupted = (): never => {
    leave();
    process.exit(EXIT.interrupted);
  };
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  try {
    const n = Math.max(1, Math.min(o.jobs, faults.length));
    for (let i = 0; i < n; i++) scratches.push(new Scratch(ROOT, join(dir, String(i))));
    const clean = new Map<string, Row>();
    await share(scratches, baselines(faults), async (s, run) => {
      o.progress.show(`unchanged: verify ${keyOf(run)}`);
      const a = await ask(s, run);
      if (a.code !== EXIT.ok)
        throw new Error(
          `unchanged project: expected verify ${keyOf(run)} to pass, got exit ${a.code}: ${lastLine(a.text)}`,
        );
      for (const r of a.results?.rows ?? []) clean.set(`${isOp(run) ? "" : keyOf(run)}|${r.key}`, r);
    });
    for (const s of scratches) s.settle();
    await share(scratches, faults, async (s, f) => {
      o.progress.show(`${findings.length} of ${faults.length} done, now ${f.id}`);
      const finding = await one(s, f, clean);
      findings.push(finding);
      o.onFinding(finding);
    });
  } finally {
    o.progress.clear();
    process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
    leave();
  }
  return faults.map((f) => findings.find((x) => x.fault === f)!);
}

const isOp = (run: readonly string[]): boolean => run[0] === "--op";

async function one(s: Scratch, f: Fault, clean: ReadonlyMap<string, Row>): Promise<Finding> {
  const t0 = performance.now();
  const since = (): number => (performance.now() - t0) / 1e3;
  try {
    s.change(f.file, f.find, f.replace);
    const a = await ask(s, f.run);
    const prefix = `${isOp(f.run) ? "" : keyOf(f.run)}|`;
    const mine = new Map(
      [...clean].filter(([k]) => k.startsWith(prefix)).map(([k, r]) => [k.slice(prefix.length), r]),
    );
    return { fault: f, ...judge(f, a, mine), seconds: since() };
  } catch (e) {
    return { fault: f, outcome: "error", said: (e as Error).message, seconds: since() };
  } finally {
    s.restore();
  }
}

/** One line a fault, then the counts. */
export function table(findings: readonly Finding[]): string {
  const head = ["fault", "kind", "answer", "where verify put it"];
  const body = findings.map(({ fault, outcome, said }) => [
    fault.id,
    fault.kind,
    outcome === "caught" ? outcome : outcome.toUpperCase(),
    said,
  ]);
  const widths = [0, 1, 2].map((i) => Math.max(...[head, ...body].map((l) => l[i].length)));
  const lines = [head, ...body].map((l) => l.map((c, i) => (i < 3 ? c.padEnd(widths[i]) : c)).join("  "));
  const count = (o: Outcome): number => findings.filter((f) => f.outcome === o).length;
  const said = (["caught", "misplaced", "missed", "blind", "error"] as const)
    .map((o) => `${count(o)} ${o}`)
    .join(", ");
  return `${lines.join("\n")}\n\n${findings.length} faults: ${said}`;
}
