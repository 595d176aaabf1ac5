/**
 * What a run leaves behind: one line of JSON a compared tensor, append-only. A file starts with a `run` record (what ran,
 * where), holds `row` records, `divergence` records and `done` marks (units that need no rerun), and ends with an `end` record.
 * Reports are pure functions of these records; nothing else crosses that border.
 */
import { z } from "zod";

/** JSON has no NaN and no infinity: they travel as strings, and come back as numbers. */
const num = z.union([z.number(), z.enum(["NaN", "Infinity", "-Infinity"]).transform(Number)]);
const count = z.number().int().nonnegative();
const coords = z.array(z.number().int());

export const STATUSES = ["PASS", "FAIL", "FLAKY", "UNSUPPORTED", "VACUOUS", "ORACLE_SPLIT", "ERROR"] as const;
export type Status = (typeof STATUSES)[number];

/** isolated: the op got the faithful oracle's inputs; accumulated: native fed native; op: a suite's case; golden: against a bundle. */
export const MODES = ["isolated", "accumulated", "op", "golden"] as const;
export type Mode = (typeof MODES)[number];

/** The largest relative L2 over slices of one kind, and which slice has it. */
const worst = z.object({ index: coords, value: num });
const nonfinite = z.object({ nan: count, pos_inf: count, neg_inf: count });

/** native against faithful; every `rel` is ||native - faithful|| / ||faithful|| over its slice. */
const metrics = z.object({
  n: count,
  /** Elements whose bits differ. */
  differ: count,
  /** 1 - 2 <x, y> / (<x, x> + <y, y>) */
  calc_diff: num,
  cosine: num,
  rel_l2: num,
  /** ||native|| / ||faithful|| */
  norm_ratio: num,
  max_abs: num,
  /** Rows are all dimensions but the last; [row]. */
  worst_row: worst,
  /** Channels of the last dimension; [column]. */
  worst_col: worst,
  /** 1 x 128 pieces of a row; [row, block]. */
  worst_block: worst,
  /** Distance in representable values of the output's dtype. `histogram[i]` counts distances in (2^(i-2), 2^(i-1)]; [0] is 0, [1] is 1. */
  ulp: z.object({ max: num, histogram: z.array(count) }),
  /** Of the `n` elements that differ, the share with |native| > |faithful|, and how many sigmas that is off one half. */
  bias: z.object({ n: count, share_up: num, sigma: num }),
  /** Shares of all elements. */
  zeros: z.object({ native: num, faithful: num }),
  saturated: z.object({ native: num, faithful: num }),
  nonfinite: z.object({ native: nonfinite, faithful: nonfinite }),
});

/** One number held against its bound. `share` = how much of the bound is used (1 = all of it). */
const check = z.object({
  name: z.string(),
  value: num,
  bound: num,
  share: num,
  ok: z.boolean(),
  at: coords.optional(),
});

/** One element with both values, to be looked up by hand. Bits are hexadecimal. */
const element = z.object({
  at: coords,
  native: num,
  faithful: num,
  ideal: num.nullable(),
  native_bits: z.string(),
  faithful_bits: z.string(),
  ulp: num,
});

/** How far the faithful chain is from the ideal one: what the format costs. */
const price = z.object({ calc_diff: num, rel_l2: num });

/** The gate: tfjs against `against`. */
const agreement = z.object({
  against: z.enum(["ideal", "faithful", "golden"]),
  rel_l2: num,
  bound: num,
  agree: z.boolean(),
  backend: z.string(),
});

/** Discrete decisions: how many rows chose otherwise than the faithful oracle, and what it cost in units of the score. */
const decisions = z.object({
  n: count,
  flips: count,
  slack: num,
  max_regret: num,
  sum_regret: num,
  /** The costliest flips, worst first. */
  worst: z.array(z.object({ row: count, regret: num, native: z.array(num), faithful: z.array(num) })),
});

const base = {
  kind: z.literal("row"),
  /** Unique in a run: mode, layer or case, tap. */
  key: z.string(),
  mode: z.enum(MODES),
  op: z.string(),
  family: z.string(),
  /** The tap: `layers.12.attn.q_a`, or `rmsnorm` (op mode); with `.<output>` where the op has several. */
  site: z.string(),
  /** Name of the op's output tensor. */
  output: z.string(),
  layer: count.nullable(),
  case: z.string().nullable(),
  dtype: z.string(),
  shape: z.array(count),
  /** One sentence: what was found, against what, where. */
  sentence: z.string(),
  metrics: metrics.nullable(),
  checks: z.array(check),
  /** Largest share over `checks`; null when nothing was measured. */
  share: num.nullable(),
  /** What the op's declaration says of its tolerance. */
  why: z.string(),
  worst_element: element.nullable(),
  price: price.nullable(),
  oracles: agreement.nullable(),
  decisions: decisions.nullable(),
  /** Milliseconds of one call; null where that party did not run. All outputs of a call carry the same times. */
  time_ms: z.object({
    native: num.nullable(),
    faithful: num.nullable(),
    ideal: num.nullable(),
    tf: num.nullable(),
  }),
  /** What the device counted during the call (thread instructions, bytes, launches ...). */
  counters: z.record(z.string(), num),
  /** The kernel that ran (kernels/schema.ts VARIANTS); null where none did. */
  variant: z.string().nullable(),
  /** rel L2 a token, of a layer's last tensor in accumulated runs: the (layer, token) map. */
  by_token: z.array(num).nullable(),
  hashes: z.object({
    inputs: z.string(),
    faithful: z.string(),
    native: z.string().nullable(),
    kernel: z.string().nullable(),
    tolerance: z.string(),
  }),
};

const measured = { ...base, metrics, worst_element: element.nullable() };

export const rowSchema = z.discriminatedUnion("status", [
  z.object({ status: z.literal("PASS"), ...measured }),
  /** `stage` names the first check that failed, in verdict order. */
  z.object({ status: z.literal("FAIL"), stage: z.string(), ...base }),
  /** Two runs on the same input differ in bits. */
  z.object({ status: z.literal("FLAKY"), stage: z.string(), ...base }),
  z.object({ status: z.literal("UNSUPPORTED"), reason: z.string(), ...base }),
  /** The check could not have failed: zeros or a constant would have passed, or nothing was compared. */
  z.object({ status: z.literal("VACUOUS"), reason: z.string(), ...base }),
  /** The oracles disagree, so the kernel is not judged. */
  z.object({ status: z.literal("ORACLE_SPLIT"), ...base, oracles: agreement }),
  /** Something threw or trapped. */
  z.object({ status: z.literal("ERROR"), error: z.string(), ...base }),
]);
export type Row = z.infer<typeof rowSchema>;
export type Metrics = z.infer<typeof metrics>;
export type Check = z.infer<typeof check>;
export type Element = z.infer<typeof element>;
export type Price = z.infer<typeof price>;
export type Agreement = z.infer<typeof agreement>;
export type Decisions = z.infer<typeof decisions>;

/** Where native first leaves the faithful chain: (layer, token), then op, then tile. */
const divergence = z.object({
  kind: z.literal("divergence"),
  mode: z.enum(MODES),
  layer: count.nullable(),
  token: count.nullable(),
  op: z.string(),
  site: z.string(),
  /** Row and 1 x 128 block of the op's output with the largest relative L2. */
  tile: coords,
  sentence: z.string(),
});
export type Divergence = z.infer<typeof divergence>;

const run = z.object({
  kind: z.literal("run"),
  schema: z.literal(1),
  started: z.string(),
  /** The command line to type to get this run again. */
  command: z.string(),
  /** Hash over everything that decides rows: a run resumes only under the same identity. */
  identity: z.string(),
  config: z.string(),
  format: z.string(),
  tokens: count,
  seed: z.number(),
  layers: z.array(count),
  ops: z.array(z.string()),
  modes: z.array(z.enum(MODES)),
  /** Number of rows that the plan expects, where it is known. */
  expected_units: count,
  device: z.object({
    id: z.string(),
    name: z.string(),
    virtual: z.boolean(),
    detail: z.record(z.string(), z.string()),
  }),
  tf_backend: z.string(),
  tolerance: z.string(),
  environment: z.object({
    commit: z.string(),
    dirty: z.boolean(),
    node: z.string(),
    os: z.string(),
    cpu: z.string(),
    cores: count,
    memory_gb: num,
    versions: z.record(z.string(), z.string()),
  }),
});
export type RunHeader = z.infer<typeof run>;

/** Unit `key` (a layer in a mode, or an op's case) is complete. */
const done = z.object({ kind: z.literal("done"), key: z.string(), ms: num });

const end = z.object({
  kind: z.literal("end"),
  wall_s: num,
  /** Seconds of each phase: load, isolated, accumulated, report ... */
  phases: z.record(z.string(), num),
  counts: z.partialRecord(z.enum(STATUSES), count),
  exit: count,
  interrupted: z.boolean(),
});
export type RunEnd = z.infer<typeof end>;

export const recordSchema = z.union([run, rowSchema, divergence, done, end]);
export type Line = z.infer<typeof recordSchema>;

/** A run as reports see it. `rows` holds the last row of each key. */
export interface Results {
  readonly header: RunHeader;
  readonly rows: readonly Row[];
  readonly divergences: readonly Divergence[];
  readonly done: ReadonlySet<string>;
  readonly end: RunEnd | null;
}

/** One line of JSON, without the newline. */
export const encode = (r: Line): string =>
  JSON.stringify(r, (_, v: unknown) => (typeof v === "number" && !Number.isFinite(v) ? String(v) : v));

/**
 * Parses a results file. `where` names it in errors. A last line without newline (the writer was killed) is dropped;
 * anything else that does not fit the schema throws one sentence with the line.
 */
export function decode(text: string, where: string): Results {
  const lines = text.split("\n");
  lines.pop(); // "" after the final newline, or a torn line
  let header: RunHeader | null = null;
  let last: RunEnd | null = null;
  const rows = new Map<string, Row>();
  const divergences: Divergence[] = [];
  const finished = new Set<string>();
  lines.forEach((line, i) => {
    const r = parseRecord(line, `${where}:${i + 1}`);
    if (r.kind === "run") header ??= r;
    else if (r.kind === "row") rows.set(r.key, r);
    else if (r.kind === "divergence") divergences.push(r);
    else if (r.kind === "done") finished.add(r.key);
    else last = r;
  });
  if (header === null) throw new Error(`${where}: expected a "run" record first, got none`);
  return { header, rows: [...rows.values()], divergences, done: finished, end: last };
}

function parseRecord(line: string, where: string): Line {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new Error(`${where}: expected one JSON record, got ${JSON.stringify(line.slice(0, 60))}`);
  }
  const parsed = recordSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Error(`${where}: expected a result record, got ${issue.path.join(".")}: ${issue.message}`);
}
