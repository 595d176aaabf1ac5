/** Tables that several reports draw, computed once: growth over layers, the heat strip, the decision ledger, time per op. */
import type { Decisions, Mode, Results, Row, Status } from "../harness/result.ts";
import { place } from "./format.ts";
import { ALARM, rank } from "./summary.ts";

/** One number a layer; null where nothing was measured. NaN and Infinity are kept. */
export interface Growth {
  readonly layers: readonly number[];
  /** Worst relative L2 of any tensor when each op gets the oracle's own input. */
  readonly isolated: readonly (number | null)[];
  /** Relative L2 of the layer's last tensor when native feeds native. */
  readonly accumulated: readonly (number | null)[];
  /** Relative L2 of the ideal chain against the faithful one at the layer's last tensor: the price of the formats. */
  readonly price: readonly (number | null)[];
}

/** Rows with numbers that an error can be measured in (indices are discrete decisions). */
const isNumeric = (row: Row): boolean => row.dtype !== "i32" && row.dtype !== "i64";

export function growth(r: Results): Growth {
  const numeric = r.rows.filter((row) => row.layer !== null && isNumeric(row));
  const layers = [...new Set(numeric.map((row) => row.layer!))].sort((a, b) => a - b);
  const of = (mode: Mode, layer: number): Row[] =>
    numeric.filter((row) => row.mode === mode && row.layer === layer);
  const chain: Mode = numeric.some((row) => row.mode === "accumulated") ? "accumulated" : "isolated";
  return {
    layers,
    isolated: layers.map((l) => {
      const errors = of("isolated", l).flatMap((row) => (row.metrics ? [row.metrics.rel_l2] : []));
      return errors.length === 0 ? null : errors.reduce((a, b) => (rank(b) > rank(a) ? b : a));
    }),
    accumulated: layers.map(
      (l) => of("accumulated", l).findLast((row) => row.metrics)?.metrics?.rel_l2 ?? null,
    ),
    price: layers.map((l) => of(chain, l).findLast((row) => row.price)?.price?.rel_l2 ?? null),
  };
}

/** One cell of the heat strip: the rows of one place in one layer (or one case), by the most alarming of them. */
export interface Cell {
  readonly status: Status;
  /** Largest share of a bound; null when nothing was measured. */
  readonly share: number | null;
  /** Indices into `Results.rows`, most alarming first. */
  readonly rows: readonly number[];
}

export interface Strip {
  readonly mode: Mode;
  /** `layer` when columns are layers, else `case`: then column j is the j-th case of that line. */
  readonly by: "layer" | "case";
  readonly columns: readonly number[];
  readonly lines: readonly {
    readonly name: string;
    readonly family: string;
    readonly cells: readonly (Cell | null)[];
  }[];
}

/** The strip of one mode: a line for each place of the model in order of execution, a column for each layer. */
export function strip(r: Results, mode: Mode): Strip {
  const rows = r.rows.flatMap((row, index) => (row.mode === mode ? [{ row, index }] : []));
  const by = rows.some(({ row }) => row.layer !== null) ? "layer" : "case";
  const lines = new Map<string, { family: string; cells: Map<string, number[]> }>();
  for (const { row, index } of rows) {
    const name = by === "layer" ? place(row.site) : row.site;
    let line = lines.get(name);
    if (!line) lines.set(name, (line = { family: row.family, cells: new Map() }));
    const column = by === "layer" ? String(row.layer) : (row.case ?? row.key);
    line.cells.set(column, [...(line.cells.get(column) ?? []), index]);
  }
  const layers = [...new Set(rows.map(({ row }) => row.layer ?? -1))].sort((a, b) => a - b);
  const widest = Math.max(0, ...[...lines.values()].map((line) => line.cells.size));
  const cell = (indices: number[] | undefined): Cell | null => {
    if (!indices) return null;
    const order = [...indices].sort(
      (a, b) =>
        ALARM.indexOf(r.rows[a].status) - ALARM.indexOf(r.rows[b].status) ||
        rank(r.rows[b].share) - rank(r.rows[a].share),
    );
    const share = order.map((i) => r.rows[i].share).reduce((a, b) => (rank(b) > rank(a) ? b : a));
    return { status: r.rows[order[0]].status, share, rows: order };
  };
  return {
    mode,
    by,
    columns: by === "layer" ? layers : Array.from({ length: widest }, (_, i) => i),
    lines: [...lines].map(([name, line]) => ({
      name,
      family: line.family,
      cells:
        by === "layer"
          ? layers.map((l) => cell(line.cells.get(String(l === -1 ? null : l))))
          : [...line.cells.values()].map(cell),
    })),
  };
}

export interface LedgerEntry {
  readonly row: number;
  readonly mode: Mode;
  readonly site: string;
  readonly status: Status;
  readonly decisions: Decisions;
  /** Flips per million decisions; NaN when there was none to make. */
  readonly perMillion: number;
  /** True when the worst flip costs more than the arithmetic can explain. */
  readonly aboveSlack: boolean;
}

/** Every tensor of discrete decisions, those above their slack first, then by flips. */
export const ledger = (r: Results): LedgerEntry[] =>
  r.rows
    .flatMap((row, i): LedgerEntry[] => {
      const d = row.decisions;
      if (!d) return [];
      const aboveSlack = d.flips > 0 && !(d.max_regret <= d.slack);
      return [
        {
          row: i,
          mode: row.mode,
          site: row.site + (row.case === null ? "" : ` ${row.case}`),
          status: row.status,
          decisions: d,
          perMillion: (d.flips / d.n) * 1e6,
          aboveSlack,
        },
      ];
    })
    .sort((a, b) => Number(b.aboveSlack) - Number(a.aboveSlack) || b.decisions.flips - a.decisions.flips);

export interface OpTime {
  readonly op: string;
  readonly family: string;
  readonly calls: number;
  /** Milliseconds over all calls; null where that party ran none. */
  readonly native: number | null;
  readonly faithful: number | null;
  readonly ideal: number | null;
  readonly tf: number | null;
}

/** One call has a row for every output, all with the call's times: the site without the output names the call. */
const callOf = (row: Row): string =>
  JSON.stringify([
    row.mode,
    row.layer,
    row.case,
    row.site.endsWith(`.${row.output}`) ? row.site.slice(0, -row.output.length - 1) : row.site,
  ]);

/** Time of each op summed over its calls in `modes`, the slowest native first. */
export function times(r: Results, modes: readonly Mode[]): OpTime[] {
  const seen = new Set<string>();
  const ops = new Map<string, { family: string; calls: Row["time_ms"][] }>();
  for (const row of r.rows) {
    if (!modes.includes(row.mode) || seen.has(callOf(row))) continue;
    seen.add(callOf(row));
    let entry = ops.get(row.op);
    if (!entry) ops.set(row.op, (entry = { family: row.family, calls: [] }));
    entry.calls.push(row.time_ms);
  }
  const sum = (calls: Row["time_ms"][], party: keyof Row["time_ms"]): number | null => {
    const known = calls.flatMap((c) => (c[party] === null ? [] : [c[party]]));
    return known.length === 0 ? null : known.reduce((a, b) => a + b, 0);
  };
  return [...ops]
    .map(([op, { family, calls }]) => ({
      op,
      family,
      calls: calls.length,
      native: sum(calls, "native"),
      faithful: sum(calls, "faithful"),
      ideal: sum(calls, "ideal"),
      tf: sum(calls, "tf"),
    }))
    .sort((a, b) => (b.native ?? -1) - (a.native ?? -1) || (b.faithful ?? -1) - (a.faithful ?? -1));
}

/** The (layer, token) map of accumulated error: relative L2 of each token after each layer that recorded it. */
export interface TokenMap {
  readonly layers: readonly number[];
  /** values[layer][token] */
  readonly values: readonly (readonly number[])[];
}

export function tokenMap(r: Results): TokenMap {
  const rows = r.rows
    .filter((row) => row.mode === "accumulated" && row.layer !== null && row.by_token !== null)
    .sort((a, b) => a.layer! - b.layer!);
  return { layers: rows.map((row) => row.layer!), values: rows.map((row) => row.by_token!) };
}
