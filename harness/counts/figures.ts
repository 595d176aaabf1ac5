/** What the benchmark of counts keeps: a line a launch, what is held against limits, and what differs from the committed figures. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { OpDecl } from "../../kernels/schema.ts";
import type { KernelInfo } from "../kernel_list.ts";

const count = z.number().nonnegative();

/** One launch; of a slice, its own figures. */
const launch = z.object({
  op: z.string(),
  variant: z.enum(["sm100", "portable"]),
  /** Calls of the composition that it stands for. */
  ops: count,
  /** Equal launches that make the whole one: 1, or the slices of N that it was cut into. */
  parts: count,
  /** Device memory, each byte once; and what the declaration says must move. */
  bytes: count,
  needed: count,
  /** Multiply-adds of tensor cores, and those of them that the result needs; 0 where none ran. */
  issued: count,
  useful: count,
  /** Of threads. */
  instructions: count,
  /** Bytes a CTA, static and dynamic. */
  smem: count,
  /** Tensor-memory columns. */
  tmem: count,
  /** Modelled on a B200, and what binds. */
  us: count,
  bound: z.string(),
});
export type Launch = z.infer<typeof launch>;

const kernel = z.object({ registers: count, spill_bytes: count });
export type KernelFigures = z.infer<typeof kernel>;

export const countsFile = z.object({
  config: z.string(),
  context: count,
  date: z.string(),
  /** By op and variant: `linear_fp8.sm100`. */
  kernels: z.record(z.string(), kernel),
  /** By scenario, then by site in order of the launches. */
  scenarios: z.record(z.string(), z.record(z.string(), launch)),
});
export type Counts = z.infer<typeof countsFile>;

/** Where the figures are that were committed last. */
export const COMMITTED = join(import.meta.dirname, "committed.json");
/** Null without a file. Throws one sentence when it is of another form. */
export function committed(path = COMMITTED): Counts | null {
  if (!existsSync(path)) return null;
  const parsed = countsFile.safeParse(JSON.parse(readFileSync(path, "utf8")));
  if (parsed.success) return parsed.data;
  const { path: at, message } = parsed.error.issues[0];
  throw new Error(`${path}: key "${at.join(".")}": ${message} (--save writes it anew)`);
}

export const kernelKey = (k: { readonly op: string; readonly variant: string }): string =>
  `${k.op}.${k.variant}`;

/** Registers and spills of the kernels that ran. Throws when the compiler's list lacks one. */
export function kernelsOf(
  scenarios: Counts["scenarios"],
  list: readonly KernelInfo[],
): Record<string, KernelFigures> {
  const known = new Map(list.map((k) => [kernelKey(k), k]));
  const ran = new Set(Object.values(scenarios).flatMap((s) => Object.values(s).map(kernelKey)));
  return Object.fromEntries(
    [...ran].sort().map((key) => {
      const k = known.get(key);
      if (!k) throw new Error(`kernel ${key}: expected ptxas to have assembled it, got no such record`);
      return [key, { registers: k.registers, spill_bytes: k.spill_bytes }];
    }),
  );
}

/**
 * Device bytes over those that must move, at most, for kernels written for SM100 that stream weights or keys: their time is that of the
 * bytes, so a tenth more is a tenth slower. The others move little, and what they read beside it is not what takes time.
 */
export const MOST_BYTES = 1.1;
const STREAMING: ReadonlySet<string> = new Set(["linear", "moe", "attention"]);

export const isLimited = (op: OpDecl | undefined): boolean =>
  op?.variants?.sm100 !== undefined &&
  [op, ...(op.parts?.map((p) => p.op) ?? [])].some((o) => STREAMING.has(o.family));

/** A sentence a limit that is broken. */
export function brokenLimits(c: Counts, ops: ReadonlyMap<string, OpDecl>): string[] {
  const bytes = Object.entries(c.scenarios).flatMap(([scenario, sites]) =>
    Object.entries(sites)
      .filter(([, l]) => isLimited(ops.get(l.op)) && !(l.bytes <= MOST_BYTES * l.needed))
      .map(
        ([site, l]) =>
          `${scenario}, ${site}: expected ${l.op} (${l.variant}) to move at most ${MOST_BYTES.toFixed(2)} times the ${l.needed} bytes that must, got ${l.bytes} (${(l.bytes / l.needed).toFixed(3)})`,
      ),
  );
  const spills = Object.entries(c.kernels)
    .filter(([, k]) => k.spill_bytes > 0)
    .map(([name, k]) => `kernel ${name}: expected no spills, got ${k.spill_bytes} bytes`);
  return [...bytes, ...spills];
}

type Figures = Readonly<Record<string, Readonly<Record<string, string | number>>>>;

const share = (x: number): string => `${x < 0 ? "" : "+"}${(100 * x).toFixed(2)} %`;

/** A line a figure of `now` that is not what it was. */
function differences(where: string, before: Figures, now: Figures): string[] {
  return Object.entries(now).flatMap(([name, b]) => {
    const a = before[name];
    if (a === undefined) return [`${where}${name}: new`];
    return Object.keys(b)
      .filter((key) => a[key] !== b[key])
      .map((key) => {
        const [x, y] = [a[key], b[key]];
        const by = typeof x === "number" && typeof y === "number" && x > 0 ? ` (${share(y / x - 1)})` : "";
        return `${where}${name}: ${key} ${x} -> ${y}${by}`;
      });
  });
}

/**
 * Every figure that changed, and every launch that came or went, in the scenarios of `now`. Counts are the same from run to run, so each
 * is a change of a kernel, of its plan or of the counting.
 */
export const changes = (before: Counts, now: Counts): string[] => [
  ...differences("kernel ", before.kernels, now.kernels),
  ...Object.entries(now.scenarios).flatMap(([s, sites]) => {
    const old = before.scenarios[s] ?? {};
    const gone = Object.keys(old).filter((site) => !(site in sites));
    return [...differences(`${s}, `, old, sites), ...gone.map((site) => `${s}, ${site}: gone`)];
  }),
];

/** One launch a line: a change is a line of a diff. */
export function countsJson(c: Counts): string {
  const lines = (o: object, indent: string): string =>
    Object.entries(o)
      .map(([k, v]) => `${indent}${JSON.stringify(k)}: ${JSON.stringify(v)}`)
      .join(",\n");
  const scenarios = Object.entries(c.scenarios).map(
    ([k, sites]) => `    ${JSON.stringify(k)}: {\n${lines(sites, "      ")}\n    }`,
  );
  const { config, context, date } = c;
  return [
    `{\n${lines({ config, context, date }, "  ")},`,
    `  "kernels": {\n${lines(c.kernels, "    ")}\n  },`,
    `  "scenarios": {\n${scenarios.join(",\n")}\n  }\n}\n`,
  ].join("\n");
}
