/**
 * The native addon, typed: ops by name, devices, and the engine. `loadNative()` builds what is stale first (`native_build.ts`), so a
 * caller only awaits it. Every heavy call runs off the JavaScript thread; errors are `Error`s with one sentence.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { z } from "zod";
import type { DType, Variant } from "../kernels/schema.ts";
import type { Storage } from "../oracle/tensor.ts";
import type { VirtualOptions } from "./virtual_options.ts";
import { BUILD, ensureNative, type BuildOptions } from "./native_build.ts";

export { ensureNative, ToolMissing, BuildFailed, type BuildOptions } from "./native_build.ts";

export interface OpField {
  readonly name: string;
  readonly kind: "in" | "out" | "counter" | "axis" | "attr";
  /** Storage dtype of a tensor; of a scalar `i32` or `f32`, of a counter `u32`. */
  readonly dtype: DType | "u32";
}

/** An op as the addon was compiled with it, from the generated `op_table.h`. */
export interface NativeOp {
  readonly name: string;
  readonly family: string;
  readonly fields: readonly OpField[];
}

export interface NativeDevice {
  /** What `--device` takes: `virtual`, `cuda:0` ... */
  readonly id: string;
  readonly name: string;
  readonly compute_capability: readonly [number, number];
  readonly memory_bytes: number;
}

/** Aborts the work at its next launch when `signal` aborts; the promise then rejects with "cancelled". */
export interface Cancellable {
  readonly signal?: AbortSignal;
}

export interface RunOpRequest extends Cancellable {
  /** `virtual` (default) or `cuda:N`. */
  readonly device?: string;
  readonly op: string;
  /** Storage bytes by declared name; null for an absent optional input. Read in place: do not write to them while the run is in flight. */
  readonly inputs: Readonly<Record<string, Storage | null>>;
  /** Bytes of every output. */
  readonly outputs: Readonly<Record<string, number>>;
  /** Every axis and attribute. */
  readonly scalars: Readonly<Record<string, number>>;
  readonly options?: {
    /** Launches, outputs poisoned before each, or what they update put there (default 1). */
    readonly repeat?: number;
    /** Chooses the poison and canary words (default: fresh ones from the clock). */
    readonly poisonSeed?: number;
    /** A module (PTX or cubin) to use instead of the registered kernel's. */
    readonly modulePath?: string;
    /** Guards inside the allocations of the virtual device too, where exact bounds trap otherwise (default false). */
    readonly guards?: boolean;
    /** Launches this entry of the module (default: the op's name). */
    readonly entry?: string;
    /** Kernels to run (default: the device's own, portable ones where an op or a shape has no other). */
    readonly variant?: Variant;
  };
}

export interface RunOpResult {
  /** Storage bytes; view them through the declared dtype. */
  readonly outputs: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
  /** One entry a launch, between two events on its stream. */
  readonly elapsed_ms: readonly number[];
  /** Virtual device: what the simulator counted over all launches; empty on a GPU. */
  readonly counters: Readonly<Record<string, number>>;
  /** JSON of what the virtual device counted, an entry a launch (options.profile; else none). */
  readonly profiles: string;
  readonly canariesIntact: boolean;
  /** One sentence a damaged guard: which buffer, which side, the first changed byte. */
  readonly damage: readonly string[];
  /** Bytes of each output that still hold the poison after every launch; none where it is updated in place. */
  readonly unwritten: Readonly<Record<string, number>>;
  /** False when two launches on the same inputs gave different bytes. */
  readonly repeatable: boolean;
  readonly grid: readonly [number, number, number];
  readonly block: number;
  readonly smem: number;
  /** The kernel that ran. */
  readonly variant: Variant;
}

/** A tensor map over a buffer: the arguments of cuTensorMapEncodeTiled, enumerations by number. */
export interface LaunchMap {
  /** Byte of the parameter that it begins at. */
  readonly at: number;
  /** Index into the request's buffers, and a byte offset there. */
  readonly buffer: number;
  readonly offset: number;
  readonly type: number;
  readonly dims: readonly number[];
  /** Bytes, of every dimension but the innermost. */
  readonly strides: readonly number[];
  readonly box: readonly number[];
  readonly elementStrides: readonly number[];
  readonly interleave: number;
  readonly swizzle: number;
  readonly l2: number;
  readonly fill: number;
}

/** A kernel parameter: bytes, into which addresses of buffers and tensor maps are written before the launch. */
export interface LaunchParam {
  readonly bytes: Uint8Array;
  readonly addresses?: readonly { readonly at: number; readonly buffer: number; readonly offset: number }[];
  readonly maps?: readonly LaunchMap[];
}

/** A launch of any entry of any module: a kernel that is no op of the model. */
export interface LaunchRequest extends Cancellable {
  readonly device?: string;
  /** PTX text or a cubin. */
  readonly modulePath: string;
  readonly entry: string;
  readonly grid: readonly number[];
  readonly block: readonly number[];
  readonly cluster?: readonly number[];
  readonly smem?: number;
  readonly cooperative?: boolean;
  readonly programmaticSerialization?: boolean;
  readonly nonPortableCluster?: boolean;
  /** Bytes of each buffer, or how many uninitialised ones. */
  readonly buffers: readonly (Storage | number)[];
  readonly params: readonly LaunchParam[];
}

export interface LaunchOutcome {
  /** Bytes of each buffer after the launch. */
  readonly buffers: readonly Uint8Array<ArrayBuffer>[];
  readonly elapsed_ms: number;
  readonly counters: Readonly<Record<string, number>>;
  readonly damage: readonly string[];
  /** Virtual device: remarks that are no faults, one sentence each. */
  readonly lints: readonly string[];
}

/** A tensor of an engine run, under the name that `oracle/model.ts` gives it. */
export interface Tap {
  readonly name: string;
  /** The launch that made it. */
  readonly site: string;
  /** Its op: a fusion, where that ran in place of several. */
  readonly op: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Storage;
  /** Bytes that still held poison after the op ran. */
  readonly unwritten: number;
  /** Time of the op's launch. */
  readonly elapsed_ms: number;
  /** The kernel that ran. */
  readonly variant: Variant;
}

/** JSON of what the virtual device counted of an engine's launch: a list of one. */
export interface TapProfile {
  readonly site: string;
  readonly op: string;
  readonly counts: string;
}

export interface EngineOpen extends Cancellable {
  /** Checkpoint directory: config.json, safetensors with or without an index, partial.json when only some layers are there. */
  readonly dir: string;
  readonly device?: string;
  /** Keep layers on the device between runs (default: load and free one at a time). */
  readonly keep?: boolean;
  /** Kernels to run (default: the device's own). */
  readonly variant?: Variant;
}

export interface Sampling {
  /** <= 0: greedy. */
  readonly temperature: number;
  readonly top_p: number;
  readonly seed: number;
}

export interface RunLayers extends Cancellable {
  /** Blocks lo .. hi inclusive. */
  readonly lo: number;
  readonly hi: number;
  /** The prompt, 1..512 tokens from position 0. */
  readonly ids: Int32Array;
  /** Streams bf16 [n_tok, hc, d_model] that enter block `lo`; without them `lo` is 0 and `embed` makes them. */
  readonly x?: Uint16Array;
  /** Return every intermediate tensor (default true). */
  readonly taps?: boolean;
  /** After block `hi` (the last one): hc_head, final norm, logits. */
  readonly head?: boolean;
  /** Samples the next token at every position from the logits (needs `head`); tap `sample`. */
  readonly sample?: Sampling;
  /** After the last block: MTP block 0 with these following tokens (as many as `ids`), and its own head. */
  readonly mtpIds?: Int32Array;
  readonly poisonSeed?: number;
  /** Called after each block, on the JavaScript thread. */
  readonly onLayer?: (layer: number) => void;
}

export interface RunLayersResult {
  /** Streams after block `hi`. */
  readonly x: Uint16Array<ArrayBuffer>;
  readonly taps: readonly Tap[];
  /** In order of the launches (taps and options.profile; else none). */
  readonly profiles: readonly TapProfile[];
  readonly logits?: Float32Array<ArrayBuffer>;
  readonly sampled?: Int32Array<ArrayBuffer>;
  /** One sentence a damaged guard around any buffer of the run. */
  readonly damage: readonly string[];
  readonly counters: Readonly<Record<string, number>>;
  readonly elapsed_ms: number;
}

/** Tokens are routed to experts that a partial checkpoint does not have. */
export class MissingExperts extends Error {
  readonly layer: number;
  readonly ids: readonly number[];

  constructor(message: string, layer: number, ids: readonly number[]) {
    super(message);
    this.layer = layer;
    this.ids = ids;
  }
}

/** A launch asked for a kernel that is not built. */
class MissingKernel extends Error {}

const missing = z.union([
  z.object({ layer: z.number().int(), missing_experts: z.array(z.number().int()).min(1) }),
  z.object({ missing_kernel: z.string() }),
]);

/** The addon's error, as what it says it is in `detail`. */
function typed(e: unknown): unknown {
  if (!(e instanceof Error) || !("detail" in e)) return e;
  const d = missing.parse(JSON.parse(String(e.detail)));
  return "layer" in d
    ? new MissingExperts(e.message, d.layer, d.missing_experts)
    : new MissingKernel(e.message);
}

export interface EngineHandle {
  /** Rejects with `MissingExperts`, or one sentence. */
  runLayers(run: RunLayers): Promise<RunLayersResult>;
  /** Frees device memory and files. Runs in flight finish first; later ones reject. */
  close(): Promise<void>;
}

export interface Native {
  listOps(): readonly NativeOp[];
  /** `virtual` first, then each GPU of libcuda.so.1; never throws for want of one. */
  devices(): readonly NativeDevice[];
  /** For later launches of this process on the virtual device. */
  virtual(options: VirtualOptions): void;
  /** JSON of what the virtual device counted of `launch`es, one by one, since the last call or op (options.profile). */
  takeProfiles(): string;
  runOp(request: RunOpRequest): Promise<RunOpResult>;
  launch(request: LaunchRequest): Promise<LaunchOutcome>;
  openEngine(open: EngineOpen): Promise<EngineHandle>;
}

/** What the compiled module exports; only this file sees it. */
interface Addon {
  configure(o: { kernels: string }): void;
  listOps(): NativeOp[];
  devices(): NativeDevice[];
  virtual(options: object): void;
  takeProfiles(): string;
  runOp(request: object): Promise<RunOpResult>;
  launch(request: object): Promise<LaunchOutcome>;
  openEngine(
    open: object,
  ): Promise<{ runLayers(run: object): Promise<RunLayersResult>; close(): Promise<void> }>;
}

/** The addon as built, without checking whether it is stale. Throws when there is none. */
export function openNative(onProgress?: BuildOptions["onProgress"]): Native {
  // of a build without portable kernels, for a shape that only they take
  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    const tried = (): Promise<T> =>
      work().catch((e: unknown) => {
        throw typed(e);
      });
    try {
      return await tried();
    } catch (e) {
      if (!(e instanceof MissingKernel)) throw e;
      await ensureNative(onProgress ? { onProgress } : {});
      return tried();
    }
  };
  const addon = createRequire(import.meta.url)(join(BUILD, "Release", "dsv4.node")) as Addon;
  addon.configure({ kernels: join(BUILD, "kernels") });
  return {
    listOps: () => addon.listOps(),
    devices: () => addon.devices(),
    virtual: (options) => addon.virtual(options),
    takeProfiles: () => addon.takeProfiles(),
    runOp: ({ signal, ...request }) =>
      run(() => cancellable(signal, (cancel) => addon.runOp({ ...request, cancel }))),
    launch: ({ signal, ...request }) => cancellable(signal, (cancel) => addon.launch({ ...request, cancel })),
    async openEngine({ signal, ...open }) {
      const engine = await cancellable(signal, (cancel) => addon.openEngine({ ...open, cancel }));
      return {
        runLayers: ({ signal: s, ...layers }) =>
          run(() => cancellable(s, (cancel) => engine.runLayers({ ...layers, cancel }))),
        close: () => engine.close(),
      };
    },
  };
}

/** Builds what changed, then opens the addon. Throws `ToolMissing` or `BuildFailed`. */
export async function loadNative(o: BuildOptions = {}): Promise<Native> {
  await ensureNative(o);
  return openNative(o.onProgress);
}

/** The addon polls one word of memory; an AbortSignal sets it. */
async function cancellable<T>(
  signal: AbortSignal | undefined,
  run: (flag: Int32Array) => Promise<T>,
): Promise<T> {
  const flag = new Int32Array(1);
  const stop = (): void => {
    flag[0] = 1;
  };
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop);
  try {
    return await run(flag);
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
