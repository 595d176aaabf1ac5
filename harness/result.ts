/**
 * What a run leaves behind: one line of JSON a compared tensor, append-only. A file starts with a `run` record (what ran,
 * where), holds `row` records, `profile` records (`--profile`), `divergence` records and `done` marks (units that need no rerun), and
 * ends with an `end` record.
 * Reports are pure functions of these records; nothing else crosses that border.
 */
import { z } from "zod";
import { launchModel, launchProfile } from "./profile.ts";
import { coords, count, MODES, num, place, rowSchema, STATUSES, type Row } from "./result_row.ts";

export * from "./result_row.ts";
export { LIMITS, type Limit } from "./roofline.ts";

/** What the virtual SM100 counted of one launch, what the op cannot do without, and a model's time: counts and a model, no measurement. */
const profile = z.object({
  kind: z.literal("profile"),
  ...place,
  layer: count.nullable(),
  case: z.string().nullable(),
  /** Launches of the same inputs count from 0: later ones repeat the work, to see whether bits agree. */
  turn: count,
  counts: launchProfile,
  /** Bytes of the inputs that must be read and of the outputs, each once. */
  unavoidable: z.object({ read: count, write: count }),
  /** Multiply-adds that the results need; null where no tensor core ran. */
  useful_macs: z.number().nonnegative().nullable(),
  model: launchModel,
});
export type Profile = z.infer<typeof profile>;

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

/** Where something ran. */
export const environmentSchema = z.object({
  commit: z.string(),
  dirty: z.boolean(),
  node: z.string(),
  os: z.string(),
  cpu: z.string(),
  cores: count,
  memory_gb: num,
  versions: z.record(z.string(), z.string()),
});

const run = z.object({
  kind: z.literal("run"),
  /** 2 added `profile` records. */
  schema: z.union([z.literal(1), z.literal(2)]),
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
  environment: environmentSchema,
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

export const recordSchema = z.union([run, rowSchema, profile, divergence, done, end]);
export type Line = z.infer<typeof recordSchema>;

/** A run as reports see it. `rows` and `profiles` hold the last record of each key. */
export interface Results {
  readonly header: RunHeader;
  readonly rows: readonly Row[];
  readonly profiles: readonly Profile[];
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
  const profiles = new Map<string, Profile>();
  const divergences: Divergence[] = [];
  const finished = new Set<string>();
  lines.forEach((line, i) => {
    const r = parseRecord(line, `${where}:${i + 1}`);
    if (r.kind === "run") header ??= r;
    else if (r.kind === "row") rows.set(r.key, r);
    else if (r.kind === "profile") profiles.set(r.key, r);
    else if (r.kind === "divergence") divergences.push(r);
    else if (r.kind === "done") finished.add(r.key);
    else last = r;
  });
  if (header === null) throw new Error(`${where}: expected a "run" record first, got none`);
  return {
    header,
    rows: [...rows.values()],
    profiles: [...profiles.values()],
    divergences,
    done: finished,
    end: last,
  };
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
