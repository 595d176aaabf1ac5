/** The answers that every report gives first: the verdict, what was found, and where. */
import { STATUSES, type Mode, type Results, type Row, type Status } from "../harness/result.ts";
import { sig } from "./format.ts";

/** From the most to the least alarming; unsupported is never green. */
export const ALARM: readonly Status[] = [
  "FAIL",
  "ERROR",
  "FLAKY",
  "ORACLE_SPLIT",
  "VACUOUS",
  "UNSUPPORTED",
  "PASS",
];

export type Verdict = Status | "EMPTY" | "INCOMPLETE";

export interface Summary {
  readonly verdict: Verdict;
  /** One sentence: what the verdict rests on. */
  readonly sentence: string;
  readonly counts: Readonly<Record<Status, number>>;
  readonly rows: number;
  /** Rows that are not PASS, most alarming first. */
  readonly findings: readonly Row[];
  /** The passing row closest to its bound. */
  readonly tightest: Row | null;
  readonly modes: readonly Mode[];
}

export const MEANING: Readonly<Record<Verdict, string>> = {
  PASS: "every comparison is within its bound",
  FAIL: "native differs from the faithful oracle by more than the op's contract allows",
  ERROR: "something threw or trapped",
  FLAKY: "two runs on the same input differ in bits",
  ORACLE_SPLIT: "the oracles disagree, so the kernel is not judged",
  VACUOUS: "a check could not have failed",
  UNSUPPORTED: "something was not run, which is not a pass",
  EMPTY: "nothing was compared",
  INCOMPLETE: "the run stopped before its plan was done",
};

/** Orders numbers with NaN above everything: a NaN is news. */
export const rank = (x: number | null): number => (x === null ? -1 : Number.isNaN(x) ? Infinity : x);

export function summarise(r: Results): Summary {
  const counts = Object.fromEntries(STATUSES.map((s) => [s, 0])) as Record<Status, number>;
  for (const row of r.rows) counts[row.status]++;
  const findings = r.rows
    .filter((row) => row.status !== "PASS")
    .sort((a, b) => ALARM.indexOf(a.status) - ALARM.indexOf(b.status) || rank(b.share) - rank(a.share));
  const tightest = r.rows
    .filter((row) => row.status === "PASS")
    .reduce<Row | null>(
      (best, row) => (best === null || rank(row.share) > rank(best.share) ? row : best),
      null,
    );
  const worst = ALARM.find((s) => counts[s] > 0);
  const complete = r.end !== null && !r.end.interrupted && r.done.size >= r.header.expected_units;
  const verdict: Verdict =
    worst === undefined
      ? "EMPTY"
      : worst !== "PASS" && worst !== "UNSUPPORTED"
        ? worst
        : complete
          ? worst
          : "INCOMPLETE";
  const modes = [...new Set(r.rows.map((row) => row.mode))];
  return {
    verdict,
    sentence: sentence(r, verdict, counts, tightest),
    counts,
    rows: r.rows.length,
    findings,
    tightest,
    modes,
  };
}

function sentence(
  r: Results,
  verdict: Verdict,
  counts: Record<Status, number>,
  tightest: Row | null,
): string {
  const n = r.rows.length;
  if (verdict === "EMPTY") return "No tensor was compared, so nothing is known.";
  const units = `${r.done.size} of ${r.header.expected_units} planned units are complete`;
  if (verdict === "INCOMPLETE")
    return `${counts.PASS} of ${n} tensors pass so far, but the run stopped early: ${units}.`;
  if (verdict === "PASS")
    return `All ${n} tensors are within their bounds; the tightest, ${tightest!.site}, uses ${sig((tightest!.share ?? 0) * 100)} % of its bound.`;
  return `${n - counts.PASS} of ${n} tensors do not pass: ${MEANING[verdict]}.`;
}

/** What ran where, as label and value, for every report's heading. */
export function environment(r: Results): readonly (readonly [string, string])[] {
  const { header: h } = r;
  const e = h.environment;
  return [
    ["Command", h.command],
    ["Started", h.started],
    ["Configuration", `${h.config}, ${h.format}, ${h.tokens} tokens, seed ${h.seed}`],
    ["Layers", h.layers.length === 0 ? "none" : ranges(h.layers)],
    ["Modes", h.modes.join(", ")],
    ["Device", `${h.device.name} (${h.device.id})`],
    ...Object.entries(h.device.detail).map(([k, v]) => [`Device ${k}`, v] as const),
    ["tfjs", h.tf_backend],
    ["Tolerances", h.tolerance],
    ["Commit", `${e.commit}${e.dirty ? " with local changes" : ""}`],
    ["Machine", `${e.cpu}, ${e.cores} cores, ${sig(e.memory_gb)} GB, ${e.os}, Node ${e.node}`],
    ...Object.entries(e.versions).map(([k, v]) => [k, v] as const),
    ["Identity", h.identity],
    ...(r.end
      ? ([
          ["Wall time", `${sig(r.end.wall_s)} s`],
          ...Object.entries(r.end.phases).map(([k, v]) => [`Phase ${k}`, `${sig(v)} s`] as const),
          ["Exit code", String(r.end.exit)],
        ] as const)
      : ([["Ended", "no: the run was cut off"]] as const)),
  ];
}

/** `0-3, 7` for 0, 1, 2, 3, 7. */
export function ranges(xs: readonly number[]): string {
  const sorted = [...new Set(xs)].sort((a, b) => a - b);
  const out: [number, number][] = [];
  for (const x of sorted) {
    const last = out.at(-1);
    if (last && x === last[1] + 1) last[1] = x;
    else out.push([x, x]);
  }
  return out.map(([a, b]) => (a === b ? `${a}` : `${a}-${b}`)).join(", ");
}
