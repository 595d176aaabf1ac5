/** What a device gave, case by case, to be held against another device elsewhere: `verify --op ... --outputs FILE`. A line of JSON an output. */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { z } from "zod";
import { DTYPES, VARIANTS } from "../kernels/schema.ts";
import type { Tensor } from "../oracle/tensor.ts";
import { fromBytes, type Call, type NativeRun } from "./call.ts";
import { UsageError } from "./exit.ts";
import { hashCall, hashOf } from "./rows.ts";

const header = z.object({
  kind: z.literal("device"),
  id: z.string(),
  name: z.string(),
  /** Kernels that were asked for: auto, or one variant. */
  variant: z.string(),
  /** Of the inputs. */
  seed: z.number(),
  commit: z.string(),
});
export type OutputsHeader = z.infer<typeof header>;

const place = { op: z.string(), case: z.string() };
const output = z.object({
  kind: z.literal("output"),
  ...place,
  output: z.string(),
  dtype: z.enum(DTYPES),
  shape: z.array(z.number().int().nonnegative()),
  /** The kernel that ran. */
  variant: z.enum(VARIANTS),
  /** Of every input and scalar, and of the output's bits. */
  hashes: z.object({ inputs: z.string(), output: z.string() }),
  /** Storage bytes, deflated, base64. */
  data: z.string(),
});
export type OutputRecord = z.infer<typeof output>;

/** A case that gave nothing. */
const failed = z.object({ kind: z.literal("failed"), ...place, sentence: z.string() });
export type FailedRecord = z.infer<typeof failed>;

const record = z.discriminatedUnion("kind", [header, output, failed]);

/** One record an output of a call. */
export const outputRecords = (call: Call, name: string, run: NativeRun): OutputRecord[] => {
  const inputs = hashCall(call);
  return Object.entries(run.out).map(([key, t]) => ({
    kind: "output",
    op: call.op.name,
    case: name,
    output: key,
    dtype: t.dtype,
    shape: [...t.shape],
    variant: run.variant,
    hashes: { inputs, output: hashOf(t) },
    data: deflateRawSync(new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength)).toString(
      "base64",
    ),
  }));
};

export const tensorOf = (r: OutputRecord): Tensor =>
  fromBytes(r.dtype, r.shape, new Uint8Array(inflateRawSync(Buffer.from(r.data, "base64"))));

/** Lines as they come; what stops the run leaves those before. */
export class OutputsFile {
  private readonly fd: number;

  /** Throws UsageError where the file cannot be written. */
  constructor(path: string, h: OutputsHeader) {
    try {
      this.fd = openSync(path, "w");
    } catch (e) {
      throw new UsageError(`outputs: expected a file that can be written, got ${(e as Error).message}`);
    }
    this.append(h);
  }

  append(r: OutputsHeader | OutputRecord | FailedRecord): void {
    writeSync(this.fd, `${JSON.stringify(r)}\n`);
  }

  close(): void {
    closeSync(this.fd);
  }
}

export interface Outputs {
  readonly header: OutputsHeader;
  /** By op and case, in their order. */
  readonly cases: readonly {
    readonly op: string;
    readonly case: string;
    readonly outputs: readonly OutputRecord[];
    /** Why there are none. */
    readonly failed: string;
  }[];
}

/** Throws UsageError naming the line that is none. A torn last line (the run was stopped) is left out. */
export function readOutputs(path: string): Outputs {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (e) {
    throw new UsageError(`outputs: expected a file of verify --outputs, got ${(e as Error).message}`);
  }
  const lines = text.split("\n").slice(0, -1);
  let first: OutputsHeader | null = null;
  const cases = new Map<string, { op: string; case: string; outputs: OutputRecord[]; failed: string }>();
  for (const [i, line] of lines.entries()) {
    const r = parse(line, `${path}:${i + 1}`);
    if (r.kind === "device") {
      first ??= r;
      continue;
    }
    const key = `${r.op} ${r.case}`;
    const c = cases.get(key) ?? { op: r.op, case: r.case, outputs: [], failed: "" };
    cases.set(key, c);
    if (r.kind === "output") c.outputs.push(r);
    else c.failed = r.sentence;
  }
  if (first === null) throw new UsageError(`${path}: expected a "device" record first, got none`);
  return { header: first, cases: [...cases.values()] };
}

function parse(line: string, where: string): z.infer<typeof record> {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new UsageError(`${where}: expected one JSON record, got ${JSON.stringify(line.slice(0, 60))}`);
  }
  const parsed = record.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UsageError(
    `${where}: expected a record of outputs, got ${issue.path.join(".")}: ${issue.message}`,
  );
}
