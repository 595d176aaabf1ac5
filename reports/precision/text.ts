/** The columns of a precision run, as the console and markdown show them. */
import type { PrecisionRecord } from "../../harness/precision/record.ts";
import { choiceLines, compounding, cos, headline, opLines, type ChoiceLine, type OpLine } from "./tables.ts";

export interface Column<T> {
  readonly title: string;
  readonly of: (x: T) => string;
  readonly left?: true;
}

const error = (x: number | null): string =>
  x === null ? "–" : x === 0 ? "0" : Number.isFinite(x) ? x.toExponential(1).replace("e+", "e") : String(x);
const share = (x: number | null): string => (x === null ? "–" : `${(100 * x).toFixed(0)} %`);

export const CHOICE_COLUMNS: readonly Column<ChoiceLine>[] = [
  { title: "choice", of: (l) => l.title + (l.kind === "what-if" ? " (what if)" : ""), left: true },
  { title: "rel L2", of: (l) => error(l.rel_l2) },
  { title: "cosine", of: (l) => cos(l.cosine) },
  { title: "worst token", of: (l) => error(l.worst_token.rel_l2) },
  { title: "collapsed", of: (l) => error(l.collapsed) },
  { title: "other experts", of: (l) => share(l.router_flips) },
  { title: "top-k kept", of: (l) => share(l.topk_overlap) },
  { title: "KL", of: (l) => error(l.kl_mean) },
  { title: "top-1 kept", of: (l) => share(l.top1_agreement) },
  { title: "growth", of: (l) => (l.growth ? `x ${l.growth.factor.toFixed(3)}` : "–") },
];

export const OP_COLUMNS: readonly Column<OpLine>[] = [
  { title: "op", of: (l) => l.op, left: true },
  { title: "alone", of: (l) => cos(l.isolated) },
  {
    title: "worst alone",
    of: (l) => `${cos(l.isolated_worst.cosine)} (${l.isolated_worst.place}, layer ${l.isolated_worst.layer})`,
    left: true,
  },
  {
    title: "accumulated",
    of: (l) => (l.accumulated ? `${cos(l.accumulated.cosine)} (${l.accumulated.place})` : "–"),
    left: true,
  },
];

function table<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const cells = [columns.map((c) => c.title), ...rows.map((r) => columns.map((c) => c.of(r)))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i].length)));
  return cells
    .map((line) =>
      line
        .map((s, i) => (columns[i].left ? s.padEnd(widths[i]) : s.padStart(widths[i])))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** What the shipped chain's layers made of the error themselves. */
export function compoundingSentence(r: PrecisionRecord): string {
  const c = compounding(r);
  if (!c) return "";
  const mean = c.own.reduce((a, b) => a + b, 0) / c.own.length;
  const [added, all] = [c.added[c.added.length - 1], c.accumulated[c.accumulated.length - 1]];
  return `Streams: a layer alone makes a relative L2 of ${error(mean)} (mean); unrelated and carried on unamplified, the layers' errors would add up to ${error(added)} after ${c.layers.length} layers; it is ${error(all)}.`;
}

export function precisionText(r: PrecisionRecord): string {
  const ops = opLines(r);
  const n = r.layers.length;
  const parts = [
    `${r.config}, ${n} layers, ${r.tokens} tokens, seed ${r.seed}: each choice against the ideal chain, streams after layer ${n - 1}`,
    table(CHOICE_COLUMNS, choiceLines(r)),
  ];
  if (ops.length > 0)
    parts.push(
      `\nAs shipped, op by op: cosine alone (same inputs) and accumulated`,
      table(OP_COLUMNS, ops),
      `\n${compoundingSentence(r)}`,
    );
  if (r.unfinished.length > 0) parts.push(`\ninterrupted before: ${r.unfinished.join(", ")}`);
  parts.push(`\n${headline(r)}`);
  return parts.join("\n");
}
