/** One op on one set of inputs, through each party: the exact oracle under either policy, tfjs, and the native kernel. */
import { storageBytes, type OpDecl, type Scalars, type Variant } from "../kernels/schema.ts";
import { faithful, ideal, values } from "../oracle/num/index.ts";
import { bind, outShapes, type Bound, type In, type Out, type Rounding } from "../oracle/op.ts";
import { numel, type Storage, type Tensor } from "../oracle/tensor.ts";
import { loadExact, loadTf, type ExactOracle } from "./discover.ts";
import { distance } from "./distance.ts";
import type { Native, RunOpResult } from "./native.ts";
import { parseProfiles, type LaunchProfile } from "./profile.ts";
import type { Agreement } from "./result.ts";
import type { Guards } from "./verdict.ts";

export type Tensors = Readonly<Record<string, Tensor>>;

/** Inputs with everything bound: what every party gets. */
export interface Call {
  readonly op: OpDecl;
  readonly t: Readonly<Record<string, Tensor | undefined>>;
  readonly s: Scalars;
}

export const makeCall = (
  op: OpDecl,
  t: Readonly<Record<string, Tensor | undefined>>,
  attrs: Scalars = {},
): Call => ({ op, t, s: bind(op, t, attrs) });

const inOf = (c: Call): In<OpDecl> => c.t as In<OpDecl>;
const boundOf = (c: Call): Bound<OpDecl> => c.s as Bound<OpDecl>;

export interface Timed {
  readonly out: Tensors;
  readonly ms: number;
}

/** Throws one sentence when an output is missing or has another shape than the op declares. */
function checkShapes(party: string, c: Call, out: Tensors): void {
  for (const [name, shape] of Object.entries(outShapes(c.op, c.s))) {
    const got = out[name] as Tensor | undefined;
    if (got === undefined || got.shape.join() !== shape.join())
      throw new Error(
        `${party} of ${c.op.name}: expected ${name} [${shape.join(", ")}], got ${got ? `[${got.shape.join(", ")}]` : "none"}`,
      );
  }
}

export const hasChoice = (op: OpDecl): boolean =>
  Object.values(op.out).some((o) => o.judge.kind === "choice");

/** Outputs that the native decisions in `by` imply. */
function replayed(o: ExactOracle, c: Call, r: Rounding, by: Tensors): Tensors {
  if (o.replay) return o.replay(inOf(c), boundOf(c), r, by as Out<OpDecl>) as Tensors;
  if (Object.values(c.op.out).some((d) => d.judge.kind !== "choice"))
    throw new Error(
      `op ${c.op.name}: expected its oracle to export "replay" because outputs follow from a choice`,
    );
  return by;
}

/** The exact oracle. With `decided` its discrete choices are taken from there. */
export async function runExact(c: Call, r: Rounding, decided?: Tensors): Promise<Timed> {
  const o = await loadExact(c.op);
  const t0 = performance.now();
  const out =
    decided && hasChoice(c.op) ? replayed(o, c, r, decided) : (o.exact(inOf(c), boundOf(c), r) as Tensors);
  const ms = performance.now() - t0;
  checkShapes(`${r.name} oracle`, c, out);
  return { out, ms };
}

export const runFaithful = (c: Call, decided?: Tensors): Promise<Timed> => runExact(c, faithful, decided);
export const runIdeal = (c: Call, decided?: Tensors): Promise<Timed> => runExact(c, ideal, decided);

/** Regret of each row of a decision; null for ops that decide nothing. */
export async function regretOf(c: Call, decision: Tensors): Promise<Float64Array | null> {
  if (!hasChoice(c.op)) return null;
  const { regret } = await loadExact(c.op);
  if (!regret) throw new Error(`op ${c.op.name}: expected its oracle to export "regret"`);
  return regret(inOf(c), boundOf(c), decision as Out<OpDecl>);
}

/** Slack of the op's choice, and whether every row of `regret` is within it. */
export const legal = (op: OpDecl, regret: Float64Array): boolean => {
  const choice = Object.values(op.out).find((o) => o.judge.kind === "choice");
  const slack = choice?.judge.kind === "choice" ? choice.judge.slack : 0;
  return regret.every((r) => r <= slack);
};

/**
 * ideal, but with the op's float32 steps rounded: what a tensor program in float32 can know of it. The steps that a contract fixes in
 * float32 (an angle pos * freq, a sum in slot order) are semantics, not format, when the inputs are large.
 */
const single: Rounding = { ...ideal, f32: Math.fround };

/** float32 sums in another order stay below 1e-5; formulas that differ start at 1e-3. */
const TF_BOUND = 1e-4;
/** One row may be a hundred times worse than all: its values may cancel. */
const TF_ROW_BOUND = 1e-2;

/**
 * Runs tfjs and holds it against the exact oracle: quantisers against faithful with their format simulated, everything else
 * against ideal. One entry an output.
 */
export async function agree(
  c: Call,
  refs: { readonly faithful: Tensors; readonly ideal: Tensors },
  backend: string,
): Promise<{ by: Record<string, Agreement>; ms: number }> {
  const tf = await loadTf(c.op);
  const t0 = performance.now();
  const got = tf(inOf(c), boundOf(c), true) as Tensors;
  const ms = performance.now() - t0;
  checkShapes("tfjs oracle", c, got);
  const against = c.op.quantiser ? "faithful" : "ideal";
  const regret = await regretOf(c, got);
  const decided = regret ? got : undefined;
  let ref = decided ? (await runExact(c, ideal, decided)).out : refs[against];
  let by = compare(ref);
  if (against === "ideal" && Object.values(by).some((a) => !a.agree)) {
    ref = (await runExact(c, single, decided)).out;
    by = compare(ref);
  }
  return { by, ms };

  function compare(ref: Tensors): Record<string, Agreement> {
    return Object.fromEntries(
      Object.entries(c.op.out).map(([name, decl]) => {
        if (decl.judge.kind === "choice") {
          const most = regret!.reduce((a, b) => (b <= a ? a : b), 0);
          const bound = decl.judge.slack;
          return [name, { against, rel_l2: most, bound, agree: most <= bound, backend }];
        }
        return [name, { against, ...within(got[name], ref[name]), backend }];
      }),
    );
  }
}

/** Relative L2 of `got` and whether it is small enough, over all and in the worst row. */
function within(got: Tensor, ref: Tensor): { rel_l2: number; bound: number; agree: boolean } {
  let d = distance(got, ref);
  // tfjs holds float32, so a reference beyond its range is infinite there
  if (!d.masks && ref.dtype === "f64")
    d = distance(got, { ...ref, data: Float64Array.from(values(ref), Math.fround) });
  if (!d.masks) return { rel_l2: Infinity, bound: TF_BOUND, agree: false };
  if (ref.dtype === "i32" || ref.dtype === "i64" || ref.dtype === "u8")
    return { rel_l2: d.rel_l2, bound: 0, agree: d.rel_l2 <= 0 };
  if (d.rel_l2 <= TF_BOUND && !(d.worst_row <= TF_ROW_BOUND))
    return { rel_l2: d.worst_row, bound: TF_ROW_BOUND, agree: false };
  return { rel_l2: d.rel_l2, bound: TF_BOUND, agree: d.rel_l2 <= TF_BOUND };
}

const VIEWS = {
  f64: Float64Array,
  f32: Float32Array,
  i32: Int32Array,
  i64: BigInt64Array,
  bf16: Uint16Array,
  e4m3: Uint8Array,
  e2m1: Uint8Array,
  ue8m0: Uint8Array,
  u8: Uint8Array,
} as const;

/** Storage bytes of an output as a tensor. */
export function fromBytes(dtype: keyof typeof VIEWS, shape: readonly number[], bytes: Uint8Array): Tensor {
  const Make = VIEWS[dtype];
  const whole = bytes.byteOffset % Make.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
  const data = new Make(
    whole.buffer as ArrayBuffer,
    whole.byteOffset,
    whole.byteLength / Make.BYTES_PER_ELEMENT,
  ) as Storage;
  const want = storageBytes(dtype, numel(shape));
  if (data.byteLength !== want)
    throw new Error(
      `native output ${dtype}[${shape.join(", ")}]: expected ${want} bytes, got ${data.byteLength}`,
    );
  return { dtype, shape, data };
}

export interface NativeRun {
  readonly out: Tensors;
  readonly ms: number;
  readonly counters: Readonly<Record<string, number>>;
  /** An entry a launch, where launches are profiled. */
  readonly profiles: readonly LaunchProfile[];
  readonly guards: Readonly<Record<string, Guards>>;
  readonly variant: Variant;
}

export interface NativeOptions {
  readonly device: string;
  readonly repeat: number;
  /** Kernels to run (default: the device's own). */
  readonly variant?: Variant;
  readonly signal?: AbortSignal;
}

/** Launches the kernel once (or `repeat` times) on the call's inputs. */
export async function runNative(native: Native, c: Call, o: NativeOptions): Promise<NativeRun> {
  const shapes = outShapes(c.op, c.s);
  const entries = Object.entries(c.op.out);
  const r: RunOpResult = await native.runOp({
    device: o.device,
    op: c.op.name,
    inputs: Object.fromEntries(Object.keys(c.op.in).map((k) => [k, c.t[k]?.data ?? null])),
    outputs: Object.fromEntries(entries.map(([k, d]) => [k, storageBytes(d.dtype, numel(shapes[k]))])),
    scalars: c.s,
    options: { repeat: o.repeat, ...(o.variant ? { variant: o.variant } : {}) },
    ...(o.signal ? { signal: o.signal } : {}),
  });
  const damage = r.canariesIntact ? [] : r.damage.length > 0 ? r.damage : ["a guard around a buffer changed"];
  return {
    out: Object.fromEntries(entries.map(([k, d]) => [k, fromBytes(d.dtype, shapes[k], r.outputs[k])])),
    ms: r.elapsed_ms[0] ?? NaN,
    counters: r.counters,
    variant: r.variant,
    profiles: parseProfiles(r.profiles),
    guards: Object.fromEntries(
      entries.map(([k]) => [k, { damage, unwritten: r.unwritten[k] ?? 0, repeatable: r.repeatable }]),
    ),
  };
}
