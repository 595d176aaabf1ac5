/** Result rows out of verdicts: who, where, on which bits. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { OpDecl, Variant } from "../kernels/schema.ts";
import type { Tensor } from "../oracle/tensor.ts";
import { TOLERANCE_VERSION } from "./bounds.ts";
import type { Call, Tensors } from "./call.ts";
import { ROOT } from "./discover.ts";
import type { Agreement, Mode, Price, Row } from "./result.ts";
import type { Verdict } from "./verdict.ts";

const hashes = new WeakMap<object, string>();

/** Short hash of storage bytes, shape and dtype. */
export function hashOf(t: Tensor): string {
  const have = hashes.get(t.data);
  if (have !== undefined) return have;
  const h = createHash("sha1")
    .update(`${t.dtype}[${t.shape.join()}]`)
    .update(new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength))
    .digest("hex")
    .slice(0, 12);
  hashes.set(t.data, h);
  return h;
}

/** Hash of a call: every input and every scalar. */
export function hashCall(c: Call): string {
  const h = createHash("sha1").update(`${c.op.name} ${JSON.stringify(c.s)}`);
  for (const name of Object.keys(c.op.in)) {
    const t = c.t[name];
    if (t) h.update(`${name}:${hashOf(t)};`);
  }
  return h.digest("hex").slice(0, 12);
}

const kernels = new Map<string, string | null>();

/** Hash of the PTX that nvcc made of the op's kernel; null when there is none. */
export function kernelHash(op: OpDecl, variant: Variant = "portable"): string | null {
  const module = variant === "portable" ? op.name : `${op.name}.${variant}`;
  const have = kernels.get(module);
  if (have !== undefined) return have;
  const path = join(ROOT, "build", "kernels", `${module}.ptx`);
  const h = existsSync(path)
    ? createHash("sha1").update(readFileSync(path)).digest("hex").slice(0, 12)
    : null;
  kernels.set(module, h);
  return h;
}

/** Times of the parties, milliseconds. */
export type Times = Row["time_ms"];
export const NO_TIMES: Times = { native: null, faithful: null, ideal: null, tf: null };

export interface RowContext {
  readonly call: Call;
  /** The fusion whose kernel ran, where `call` is one of its parts. */
  readonly fusion?: OpDecl;
  readonly output: string;
  readonly mode: Mode;
  /** The tap, without the mode. */
  readonly site: string;
  readonly layer: number | null;
  readonly case: string | null;
  readonly faithful?: Tensor;
  readonly native?: Tensor;
  readonly price?: Price | null;
  readonly oracles?: Agreement | null;
  readonly times?: Times;
  readonly counters?: Readonly<Record<string, number>>;
  /** The kernel that ran; absent where none did. */
  readonly variant?: Variant;
  readonly by_token?: number[] | null;
}

/** Name of an output's tap: the site, with the output's name where the op has several. */
export const tapName = (op: OpDecl, site: string, output: string): string =>
  Object.keys(op.out).length === 1 ? site : `${site}.${output}`;

function base(x: RowContext): Omit<Extract<Row, { status: "ERROR" }>, "status" | "error"> {
  const { op } = x.call;
  const ran = x.fusion ?? op;
  const decl = op.out[x.output];
  const { judge } = decl;
  const noise = judge.kind === "close" ? `e=${judge.noise(x.call.s).toExponential(2)}` : judge.kind;
  return {
    kind: "row",
    key: `${x.mode}|${x.case ?? "model"}|${x.site}`,
    mode: x.mode,
    op: ran.name,
    family: ran.family,
    site: x.site,
    output: x.output,
    layer: x.layer,
    case: x.case,
    dtype: decl.dtype,
    shape: [...(x.faithful?.shape ?? [])],
    sentence: "",
    metrics: null,
    checks: [],
    share: null,
    why: judge.why,
    worst_element: null,
    price: x.price ?? null,
    oracles: x.oracles ?? null,
    decisions: null,
    time_ms: x.times ?? NO_TIMES,
    counters: { ...x.counters },
    variant: x.variant ?? null,
    by_token: x.by_token ?? null,
    hashes: {
      inputs: hashCall(x.call),
      faithful: x.faithful ? hashOf(x.faithful) : "",
      native: x.native ? hashOf(x.native) : null,
      kernel: kernelHash(ran, x.variant),
      tolerance: `${TOLERANCE_VERSION} ${noise}`,
    },
  };
}

/** Six digits are what anybody reads of a measurement, and half of a row's size. Values near one keep theirs. */
const DIGITS = 6;
const FULL = new Set(["cosine", "norm_ratio"]);
export function brief<T>(x: T, key = ""): T {
  if (typeof x === "number")
    return (Number.isInteger(x) || FULL.has(key) ? x : Number(x.toPrecision(DIGITS))) as T;
  if (Array.isArray(x)) return x.map((v: unknown) => brief(v)) as T;
  if (typeof x !== "object" || x === null) return x;
  return Object.fromEntries(Object.entries(x).map(([k, v]) => [k, brief(v as unknown, k)])) as T;
}

export function rowOf(x: RowContext, v: Verdict): Row {
  const { status, sentence, worst_element, decisions } = v;
  const { metrics, checks, share } = brief({ metrics: v.metrics, checks: v.checks, share: v.share });
  const all = base(x);
  const { price, time_ms, by_token } = brief({
    price: all.price,
    time_ms: all.time_ms,
    by_token: all.by_token,
  });
  const b = { ...all, price, time_ms, by_token, sentence, metrics, checks, share, worst_element, decisions };
  switch (status) {
    case "PASS":
      if (metrics === null) throw new Error(`row ${b.key}: expected a PASS to have metrics, got none`);
      return { ...b, status, metrics };
    case "ORACLE_SPLIT":
      if (b.oracles === null) throw new Error(`row ${b.key}: expected a split to say between whom`);
      return { ...b, status, oracles: b.oracles };
    case "FAIL":
    case "FLAKY":
      return { ...b, status, stage: v.stage ?? "unknown" };
    case "ERROR":
      return { ...b, status, error: sentence };
    default:
      return { ...b, status, reason: v.reason ?? sentence };
  }
}

/** Rows of a call that threw: one an output, so that nothing goes missing. */
export const errorRows = (
  x: Omit<RowContext, "output" | "site"> & { readonly site: string },
  error: unknown,
): Row[] => {
  const sentence = error instanceof Error ? error.message : String(error);
  return Object.keys(x.call.op.out).map((output) => ({
    ...base({ ...x, output, site: tapName(x.call.op, x.site, output) }),
    sentence,
    status: "ERROR",
    error: sentence,
  }));
};

export const shapesOf = (t: Tensors): string =>
  Object.entries(t)
    .map(([k, v]) => `${k} ${v.dtype}[${v.shape.join(", ")}]`)
    .join(", ");
