/**
 * Executors for the model's composition. Three chains walk the same layers: the faithful one (what a right engine gives), the ideal
 * one (what the format costs), and the replay, which feeds every op what the engine itself fed it, so that each of the engine's steps
 * is held to the tight bounds of a single op however far the chains have drifted apart.
 */
import { setImmediate } from "node:timers/promises";
import type { OpDecl, Scalars } from "../kernels/schema.ts";
import type { ModelConfig } from "../oracle/config.ts";
import { Ctx, type FreqTable } from "../oracle/context.ts";
import {
  block,
  embedTokens,
  emptyState,
  head,
  mtpBlock,
  sampleNext,
  type Sampling,
} from "../oracle/model.ts";
import { faithful, ideal } from "../oracle/num/index.ts";
import type { Executor, In, Out, Rounding } from "../oracle/op.ts";
import { ropeFreq } from "../oracle/rope/freq.ts";
import type { Tensor } from "../oracle/tensor.ts";
import type { Weights } from "../oracle/weights.ts";
import { hasChoice, makeCall, runExact, type Call, type Tensors } from "./call.ts";

/** What one engine call covers: a block, with the embedding before it or the model's end after it. */
export interface Unit {
  readonly layer: number;
  readonly embed: boolean;
  /** Stream collapse, final norm, logits, sampler and MTP block. */
  readonly tail: boolean;
}

export interface Prompt {
  /** i32 [n_tok] */
  readonly ids: Tensor;
  /** The tokens that follow, for the MTP block: i32 [n_tok]. */
  readonly next: Tensor;
}

/** Greedy needs no luck to be compared; the sampler's other paths are its suite's business. */
export const SAMPLING: Sampling = { temperature: 0, top_p: 1, seed: 0 };

/** RoPE tables by layer kind, as `r` rounds them. */
export function freqTable(config: ModelConfig, r: Rounding): FreqTable {
  const tables = new Map<string, Tensor>();
  return ({ kind }) => {
    const rope = kind === "swa" ? config.rope : config.rope_compress;
    const made = tables.get(kind) ?? ropeFreq({ ...rope, rope_dim: config.rope_dim }, r);
    tables.set(kind, made);
    return made;
  };
}

/** Runs a unit over `ex`: streams in (null: from the embedding), streams out. */
export async function runUnit(
  config: ModelConfig,
  weights: Weights,
  r: Rounding,
  ex: Executor,
  u: Unit,
  prompt: Prompt,
  x: Tensor | null,
): Promise<Tensor> {
  const c = new Ctx(config, weights, ex, freqTable(config, r));
  const tok = { ids: prompt.ids, pos0: 0 };
  const input = u.embed || x === null ? await embedTokens(c, prompt.ids) : x;
  const kind = config.layers[u.layer];
  const [output] = await block(c.at(`layers.${u.layer}.`), kind, input, tok, emptyState());
  if (u.tail) {
    const logits = await head(c, output);
    await sampleNext(c, logits, 0, SAMPLING);
    if (config.n_mtp > 0) {
      const m = c.at("mtp.0.");
      const [after] = await mtpBlock(m, output, prompt.next, 0, emptyState());
      await head(m, after);
    }
  }
  return output;
}

/** One op call of a chain, with what it gave. */
export interface Step {
  readonly call: Call;
  readonly site: string;
  readonly out: Tensors;
  readonly ms: number;
}

/** Decisions by site: outputs of calls that chose. */
export type Decisions = ReadonlyMap<string, Tensors>;

/** An exact chain. `decide` may take a call's discrete choices from elsewhere; `onStep` sees every call before the next one starts. */
export class ExactChain implements Executor {
  readonly steps = new Map<string, Step>();
  private readonly r: Rounding;
  private readonly decide: (call: Call, site: string) => Promise<Tensors | undefined> | Tensors | undefined;
  private readonly onStep: (s: Step) => void;

  constructor(
    r: "faithful" | "ideal",
    o: {
      decide?: (call: Call, site: string) => Promise<Tensors | undefined> | Tensors | undefined;
      onStep?: (s: Step) => void;
    } = {},
  ) {
    this.r = r === "faithful" ? faithful : ideal;
    this.decide = o.decide ?? (() => undefined);
    this.onStep = o.onStep ?? (() => undefined);
  }

  async call<D extends OpDecl>(op: D, site: string, t: In<D>, attrs?: Scalars): Promise<Out<D>> {
    await setImmediate(); // finished launches, messages and Ctrl-C get their turn between ops
    const call = makeCall(op, t, attrs);
    const decided = hasChoice(op) ? await this.decide(call, site) : undefined;
    const { out, ms } = await runExact(call, this.r, decided);
    const step = { call, site, out, ms };
    this.steps.set(site, step);
    this.onStep(step);
    return out as Out<D>;
  }
}

/** Feeds every op with what the engine made, and hands each call to `onStep` together with the engine's own outputs. */
export class ReplayChain implements Executor {
  private readonly native: (call: Call, site: string) => Tensors | null;
  private readonly onStep: (call: Call, site: string, native: Tensors | null) => Promise<Tensors>;

  /** `onStep` judges and returns the faithful outputs, with which the chain goes on where the engine has none. */
  constructor(
    native: (call: Call, site: string) => Tensors | null,
    onStep: (call: Call, site: string, native: Tensors | null) => Promise<Tensors>,
  ) {
    this.native = native;
    this.onStep = onStep;
  }

  async call<D extends OpDecl>(op: D, site: string, t: In<D>, attrs?: Scalars): Promise<Out<D>> {
    await setImmediate(); // finished launches, messages and Ctrl-C get their turn between ops
    const call = makeCall(op, t, attrs);
    const native = this.native(call, site);
    const faithful = await this.onStep(call, site, native);
    return (native ?? faithful) as Out<D>;
  }
}
