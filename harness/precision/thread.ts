/** Chains on worker threads: one thread runs one choice after another. */
import { isMainThread, parentPort, workerData, type Worker } from "node:worker_threads";
import { loadConfig } from "../../fixtures/configs.ts";
import { syntheticWeights } from "../../fixtures/reader.ts";
import { syntheticTokens } from "../../fixtures/streams.ts";
import { values } from "../../oracle/num/index.ts";
import { tsxWorker } from "../tsx_worker.ts";
import { chainOf, runChain, runLayer, type Calibration, type LayerTaps } from "./chain.ts";
import { IDEAL, SHIPPED, type Choice } from "./choices.ts";
import { scaledContext } from "./context.ts";
import { gap, type Gap } from "./measure.ts";
import { isolated, placesOf, type Isolated, type Place } from "./places.ts";

export interface ChainJob {
  readonly config: string;
  readonly n_tok: number;
  readonly seed: number;
  readonly layers: number;
  readonly choice: Choice;
  readonly calibration: readonly Calibration[] | null;
}

export interface LayerFound {
  readonly layer: number;
  readonly taps: LayerTaps;
  /** Of the last two layers: an attention of either kind. */
  readonly places: readonly Place[] | null;
  /** Of the shipped chain: the layer alone, and each of its ops alone, on the chain's own inputs. */
  readonly own: Gap | null;
  readonly isolated: readonly Isolated[] | null;
}

export interface ChainFound {
  readonly layers: readonly LayerFound[];
  readonly logits: Float64Array;
  readonly seconds: number;
}

/** Runs a job on this thread. */
export async function runJob(job: ChainJob, onLayer: (l: LayerFound) => void): Promise<Float64Array> {
  const config = scaledContext(loadConfig(job.config).config, job.n_tok);
  const ids = syntheticTokens(config, job.n_tok, job.seed);
  const plan = { ...job, config, ids };
  const from = syntheticWeights(config, job.seed);
  const chain = chainOf(plan, from);
  const exact = chainOf({ ...plan, choice: IDEAL }, from);
  const story = job.choice.id === SHIPPED.id;
  return runChain(plan, chain, async ({ layer, taps, input, output, steps }) => {
    const kept = layer >= job.layers - 2 && (story || job.choice.id === IDEAL.id);
    onLayer({
      layer,
      taps,
      places: kept ? placesOf(steps) : null,
      own: story ? gap(values(output), values(await runLayer(exact, layer, ids, input))) : null,
      isolated: story ? await isolated(steps, chain.weights) : null,
    });
  });
}

type Said =
  | { readonly kind: "layer"; readonly found: LayerFound }
  | { readonly kind: "logits"; readonly logits: Float64Array }
  | { readonly kind: "error"; readonly message: string };

/** A thread that stays for the next job. */
export class ChainThread {
  private readonly worker: Worker;
  private waiting: { said: (s: Said) => void; died: (e: Error) => void } | null = null;
  private dead: Error | null = null;

  constructor() {
    this.worker = tsxWorker(import.meta.url, { chains: true });
    this.worker.on("message", (s: Said) => this.waiting?.said(s));
    this.worker.on("error", (e) => this.die(e));
    this.worker.on("exit", (code) =>
      this.die(new Error(`chain thread: expected it to stay, got exit ${code}`)),
    );
  }

  run(job: ChainJob, onLayer: (layer: number) => void): Promise<ChainFound> {
    const t0 = performance.now();
    return new Promise<ChainFound>((ok, fail) => {
      if (this.dead) return fail(this.dead);
      const layers: LayerFound[] = [];
      const said = (s: Said): void => {
        if (s.kind === "error") return fail(new Error(s.message));
        if (s.kind === "logits")
          return ok({ layers, logits: s.logits, seconds: (performance.now() - t0) / 1e3 });
        layers.push(s.found);
        onLayer(s.found.layer);
      };
      this.waiting = { said, died: fail };
      this.worker.postMessage(job);
    });
  }

  /** Ends the thread; a job in flight fails with `why`. */
  async close(why: Error = new Error("chain thread: closed")): Promise<void> {
    this.die(why);
    await this.worker.terminate();
  }

  private die(e: Error): void {
    this.dead ??= e;
    this.waiting?.died(this.dead);
  }
}

function serve(port: NonNullable<typeof parentPort>): void {
  const say = (s: Said, moved: ArrayBufferLike[] = []): void => port.postMessage(s, moved as ArrayBuffer[]);
  port.on("message", (job: ChainJob) => {
    runJob(job, (found) =>
      say({ kind: "layer", found }, [found.taps.streams.buffer, found.taps.collapsed.buffer]),
    ).then(
      (logits) => say({ kind: "logits", logits }, [logits.buffer]),
      (e: unknown) => say({ kind: "error", message: e instanceof Error ? e.message : String(e) }),
    );
  });
}

interface Data {
  readonly chains?: true;
}
const data = workerData as Data | null;
if (!isMainThread && parentPort && data?.chains) serve(parentPort);
