/** The tables of the benchmark: what each op of a layer costs, and what that is of the layer. */
import { si, sig } from "../../reports/format.ts";
import type { OpDecl } from "../../kernels/schema.ts";
import { isLimited, kernelKey, MOST_BYTES, type Counts, type Launch } from "./figures.ts";

const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);
const percent = (part: number, whole: number): string =>
  whole === 0 ? "–" : `${((100 * part) / whole).toFixed(1)} %`;
const range = (xs: readonly number[]): string => {
  const [lo, hi] = [Math.min(...xs), Math.max(...xs)];
  return lo === hi ? String(lo) : `${lo}..${hi}`;
};

const SUMMED = ["bytes", "needed", "issued", "useful", "us"] as const;
type Summed = (typeof SUMMED)[number];

/** The launches of one kernel in a scenario; sums make slices whole. */
interface OpSums extends Readonly<Record<Summed, number>> {
  readonly key: string;
  readonly op: string;
  readonly variant: string;
  readonly launches: readonly Launch[];
}

/** By kernel, the longest modelled time first. */
export function byKernel(sites: Readonly<Record<string, Launch>>): OpSums[] {
  const groups = new Map<string, Launch[]>();
  for (const l of Object.values(sites)) groups.set(kernelKey(l), [...(groups.get(kernelKey(l)) ?? []), l]);
  return [...groups]
    .map(([key, launches]): OpSums => {
      const whole = (of: Summed): number => sum(launches.map((l) => l.parts * l[of]));
      const { op, variant } = launches[0];
      const sums = Object.fromEntries(SUMMED.map((of) => [of, whole(of)])) as Record<Summed, number>;
      return { key, op, variant, launches, ...sums };
    })
    .sort((a, b) => b.us - a.us);
}

const HEAD = [
  "op",
  "kernel",
  "launches",
  "bytes",
  "of needed",
  "worst",
  "of bytes",
  "MACs",
  "useful",
  "regs",
  "spill B",
  "smem B",
  "TMEM",
  "B200 µs",
  "of time",
  "bound by",
] as const;
/** Columns of words, which stand left. */
const LEFT: ReadonlySet<number> = new Set([0, 1, 15]);

/** Rows of a scenario's table, the layer as a whole last. */
function rows(c: Counts, scenario: string, ops: ReadonlyMap<string, OpDecl>): string[][] {
  const all = byKernel(c.scenarios[scenario]);
  const total = (of: Summed): number => sum(all.map((o) => o[of]));
  const us = (x: number): string => sig(Number(x.toPrecision(3)));
  const line = all.map((o) => {
    const { registers, spill_bytes } = c.kernels[o.key];
    const worst = Math.max(...o.launches.map((l) => l.bytes / l.needed));
    const parts = Math.max(...o.launches.map((l) => l.parts));
    const slowest = o.launches.reduce((a, b) => (b.us > a.us ? b : a));
    return [
      o.op,
      o.variant,
      parts > 1 ? `${o.launches.length} (slices)` : String(o.launches.length),
      si(o.bytes, 3),
      (o.bytes / o.needed).toFixed(3),
      `${worst.toFixed(3)}${isLimited(ops.get(o.op)) ? (worst > MOST_BYTES ? " BROKEN" : "") : " (no limit)"}`,
      percent(o.bytes, total("bytes")),
      o.issued === 0 ? "–" : si(o.issued, 3),
      percent(o.useful, o.issued),
      String(registers),
      spill_bytes > 0 ? `${spill_bytes} BROKEN` : "0",
      range(o.launches.map((l) => l.smem)),
      range(o.launches.map((l) => l.tmem)),
      us(o.us),
      percent(o.us, total("us")),
      slowest.bound,
    ];
  });
  const launches = sum(all.map((o) => o.launches.length));
  return [
    ...line,
    [
      "all",
      "",
      String(launches),
      si(total("bytes"), 3),
      (total("bytes") / total("needed")).toFixed(3),
      "",
      "100 %",
      si(total("issued"), 3),
      percent(total("useful"), total("issued")),
      "",
      "",
      "",
      "",
      us(total("us")),
      "100 %",
      "",
    ],
  ];
}

/** Which launches are slices, and of what. */
function slices(sites: Readonly<Record<string, Launch>>): string {
  const cut = Object.entries(sites).filter(([, l]) => l.parts > 1);
  if (cut.length === 0) return "";
  const list = cut.map(([site, l]) => `${site} 1/${l.parts}`).join(", ");
  return `Run as a slice of N at full K, with the whole launch's tiles, grid and cluster, and counted times the slices: ${list}. What all slices read alike (activations, offsets) is therefore counted once a slice, in the bytes and in what is needed.`;
}

/** What stands above the tables. */
export const legend = (c: Counts): string =>
  [
    `Counts of the virtual SM100 for \`${c.config}\`, the call's tokens at the end of ${c.context}.`,
    `bytes: device memory, each byte once, over what the declarations say must move (worst: of one launch; at most ${MOST_BYTES.toFixed(2)} for linears, experts and attention); MACs: issued by tensor cores, and the share of them that the results need; regs, spill: ptxas for sm_100a; smem, TMEM: of a launch.`,
    "B200 µs: a model from public limits (a launch takes what its slowest unit needs at the least), never a measurement; launches are added up.",
  ].join("\n");

export function markdown(c: Counts, ops: ReadonlyMap<string, OpDecl>): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const tables = Object.entries(c.scenarios).map(([scenario, sites]) =>
    [
      `## ${scenario}`,
      [
        line(HEAD),
        line(HEAD.map((_, i) => (LEFT.has(i) ? "---" : "--:"))),
        ...rows(c, scenario, ops).map(line),
      ].join("\n"),
      slices(sites),
    ]
      .filter((x) => x !== "")
      .join("\n\n"),
  );
  return `# Counts\n\n${legend(c)}\n\n${tables.join("\n\n")}\n`;
}

/** The same as columns for a terminal. */
export function text(c: Counts, ops: ReadonlyMap<string, OpDecl>): string {
  const tables = Object.entries(c.scenarios).map(([scenario, sites]) => {
    const lines = [[...HEAD], ...rows(c, scenario, ops)];
    const widths = HEAD.map((_, i) => Math.max(...lines.map((l) => l[i].length)));
    const pad = (cell: string, i: number): string =>
      LEFT.has(i) ? cell.padEnd(widths[i]) : cell.padStart(widths[i]);
    const body = lines.map((l) => l.map(pad).join("  ").trimEnd());
    return [scenario, ...body, slices(sites)].filter((x) => x !== "").join("\n");
  });
  return `${legend(c)}\n\n${tables.join("\n\n")}\n`;
}
