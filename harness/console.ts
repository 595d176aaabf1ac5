/** What the terminal shows: one line an op, then what failed, then one line that says it all. */
import { STATUSES, type Results, type Row, type Status } from "./result.ts";

interface Tty {
  readonly isTTY?: boolean;
}

const COLOUR: Record<Status, number> = {
  PASS: 32,
  FAIL: 31,
  FLAKY: 35,
  ERROR: 31,
  ORACLE_SPLIT: 35,
  VACUOUS: 33,
  UNSUPPORTED: 33,
};

/** Colours only where a terminal reads them. */
export const painter =
  (out: Tty) =>
  (status: Status, text: string = status): string =>
    out.isTTY && !process.env.NO_COLOR ? `\u001b[${COLOUR[status]}m${text}\u001b[0m` : text;

const num = (x: number | null | undefined): string =>
  x === null || x === undefined ? "-" : x === 0 ? "0" : Number.isFinite(x) ? x.toExponential(1) : String(x);
const ratio = (x: number | undefined): string => (x === undefined ? "-" : x.toFixed(6));
const ms = (x: number | null): string => (x === null ? "-" : x < 10 ? x.toFixed(2) : x.toFixed(0));
const percent = (x: number | null): string =>
  x === null ? "-" : x === Infinity ? "over" : `${x < 10 ? (100 * x).toFixed(0) : ">999"} %`;

interface Column {
  readonly title: string;
  readonly of: (r: Row) => string;
  readonly left?: true;
}

const NAMES: Column[] = [
  { title: "where", of: (r) => r.site.replace(/^layers\.\d+\./, ""), left: true },
  { title: "op", of: (r) => r.op, left: true },
];
const COLUMNS: Column[] = [
  { title: "ms", of: (r) => ms(r.time_ms.native) },
  { title: "calc_diff", of: (r) => num(r.metrics?.calc_diff) },
  { title: "1-cosine", of: (r) => (r.metrics ? num(1 - r.metrics.cosine) : "-") },
  { title: "norm ratio", of: (r) => ratio(r.metrics?.norm_ratio) },
  { title: "worst row", of: (r) => num(r.metrics?.worst_row.value) },
  { title: "price", of: (r) => num(r.price?.rel_l2) },
  { title: "of bound", of: (r) => percent(r.share) },
];

const ALARM: readonly Status[] = ["FAIL", "ERROR", "FLAKY", "ORACLE_SPLIT", "VACUOUS", "UNSUPPORTED", "PASS"];
const alarm = (r: Row): number => ALARM.indexOf(r.status);
const used = (r: Row): number => (r.share === null ? -1 : Number.isNaN(r.share) ? Infinity : r.share);

/** Of rows with the same `key`, the most alarming one, then the one closest to its bound. */
function worstBy(rows: readonly Row[], key: (r: Row) => string): { row: Row; n: number }[] {
  const by = new Map<string, { row: Row; n: number }>();
  for (const r of rows) {
    const have = by.get(key(r));
    const worse =
      !have || alarm(r) < alarm(have.row) || (alarm(r) === alarm(have.row) && used(r) > used(have.row));
    by.set(key(r), { row: worse ? r : have.row, n: (have?.n ?? 0) + 1 });
  }
  return [...by.values()];
}

function table(lines: readonly { row: Row; n: number }[], columns: readonly Column[], out: Tty): string {
  const paint = painter(out);
  const cells = lines.map(({ row }) => columns.map((c) => c.of(row)));
  const widths = columns.map((c, i) => Math.max(c.title.length, ...cells.map((l) => l[i].length)));
  const pad = (s: string, i: number): string =>
    columns[i].left ? s.padEnd(widths[i]) : s.padStart(widths[i]);
  const head = columns.map((c, i) => pad(c.title, i)).join("  ");
  const body = lines.map(
    ({ row, n }, k) =>
      `${cells[k].map(pad).join("  ")}  ${paint(row.status)}${n > 1 ? ` (worst of ${n})` : ""}`,
  );
  return [head, ...body].join("\n");
}

const TITLES = {
  isolated: "isolated: every op on the faithful oracle's inputs",
  accumulated:
    "accumulated: native feeds native; each step on its own inputs, and its distance from the faithful chain",
  op: "suite cases",
  golden: "golden",
} as const;

const CASE: Column = { title: "case", of: (r) => r.case ?? "", left: true };
const TAP: Column = { title: "output", of: (r) => r.site, left: true };
const WORST: Column = { title: "worst at", of: (r) => (r.case === null ? r.site : r.case), left: true };
const [WHERE, OP] = NAMES;

/** How rows are grouped into lines, and which columns name a line. */
function layout(r: Results, mode: Row["mode"]): { key: (r: Row) => string; columns: Column[] } {
  if (mode === "op" && r.header.ops.length === 1)
    return { key: (x) => x.key, columns: [CASE, TAP, ...COLUMNS] };
  if (mode === "op") return { key: (x) => x.site, columns: [TAP, ...COLUMNS, WORST] };
  if (r.header.layers.length <= 1) return { key: (x) => x.site, columns: [WHERE, OP, ...COLUMNS] };
  const name: Column = { title: "op", of: (x) => outputOf(x), left: true };
  return { key: outputOf, columns: [name, ...COLUMNS, WORST] };
}

/** `hc_split.comb`: the op, with the output where the tap says it. */
const outputOf = (r: Row): string => (r.site.endsWith(`.${r.output}`) ? `${r.op}.${r.output}` : r.op);

/** The tables of a run: a line a call or a case where that fits a screen, else a line an op with its worst call. */
export function tables(r: Results, out: Tty): string {
  const parts = r.header.modes.flatMap((mode) => {
    const rows = r.rows.filter((x) => x.mode === mode);
    if (rows.length === 0) return [];
    const { key, columns } = layout(r, mode);
    return [`${TITLES[mode]}\n${table(worstBy(rows, key), columns, out)}`];
  });
  return parts.join("\n\n");
}

/** What is not PASS, worst first, at most `most` of them. */
export function findings(r: Results, out: Tty, most = 12): string {
  const paint = painter(out);
  const rows = r.rows.filter((x) => x.status !== "PASS").sort((a, b) => alarm(a) - alarm(b));
  const lines = rows
    .slice(0, most)
    .map(
      (x) =>
        `${paint(x.status)} ${x.mode} ${x.site}${x.case ? ` case ${x.case}` : ""} (${x.op}): ${x.sentence}`,
    );
  if (rows.length > most) lines.push(`... and ${rows.length - most} more`);
  const first = r.divergences.map((d) => `first divergence, ${d.mode}: ${d.sentence}`);
  return [...lines, ...first].join("\n");
}

/** The last line. */
export function summary(r: Results, wall_s: number, out: Tty): string {
  const paint = painter(out);
  const counts = STATUSES.map((s) => [s, r.rows.filter((x) => x.status === s).length] as const).filter(
    ([, n]) => n > 0,
  );
  const said = counts.map(([s, n]) => paint(s, `${n} ${s}`)).join(", ");
  return `${said === "" ? "nothing was compared" : said} in ${wall_s.toFixed(1)} s on ${r.header.device.name}`;
}
