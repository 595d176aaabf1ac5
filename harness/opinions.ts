/**
 * What the oracles that decide no verdict alone have to say: ideal and tfjs on one call, and the ideal chain over a unit. It is half
 * of the oracle work and depends on nothing that comes after it, so `opinions_thread.ts` does it beside the main thread.
 */
import type { ModelConfig } from "../oracle/config.ts";
import { ideal } from "../oracle/num/index.ts";
import type { Tensor } from "../oracle/tensor.ts";
import type { Weights } from "../oracle/weights.ts";
import { agree, runIdeal, type Call, type Tensors } from "./call.ts";
import { ExactChain, runUnit, type Prompt, type Unit } from "./chains.ts";
import { distance, type Distance } from "./distance.ts";
import type { Agreement } from "./result.ts";

export interface Second {
  /** The faithful outputs against the ideal op on the same inputs, by output. */
  readonly price: Readonly<Record<string, Distance>>;
  readonly oracles: Readonly<Record<string, Agreement>> | null;
  readonly ideal: Tensors;
  readonly ideal_ms: number;
  readonly tf_ms: number | null;
}

/** Outputs of the faithful chain by site. */
export type Outputs = ReadonlyMap<string, Tensors>;

export interface IdealUnit {
  /** The faithful chain against the ideal one, by site and output. */
  readonly price: ReadonlyMap<string, Readonly<Record<string, Distance>>>;
  /** Streams that leave the unit. */
  readonly next: Tensor;
}

export interface Opinions {
  second(call: Call, faithful: Tensors): Promise<Second>;
  /** Discrete choices are those of the faithful chain. "carry" goes on with the streams that the unit before left. */
  idealUnit(u: Unit, prompt: Prompt, x: Tensor | null | "carry", faithful: Outputs): Promise<IdealUnit>;
  close(): Promise<void>;
}

const prices = (faithful: Tensors, ideal: Tensors): Record<string, Distance> =>
  Object.fromEntries(Object.keys(faithful).map((k) => [k, distance(faithful[k], ideal[k])]));

interface Model {
  readonly config: ModelConfig;
  readonly weights: Weights;
  close?(): void;
}

/** On the calling thread. `tf` names the tfjs backend, null without it; `model` is what `idealUnit` needs. */
export class InlineOpinions implements Opinions {
  private readonly tf: string | null;
  private model: Model | null;

  private carried: Tensor | null = null;

  constructor(tf: string | null, model: Model | null = null) {
    this.tf = tf;
    this.model = model;
  }

  /** Goes on with `model`, and closes the one before. */
  open(model: Model): void {
    this.model?.close?.();
    this.model = model;
  }

  async second(call: Call, faithful: Tensors): Promise<Second> {
    const i = await runIdeal(call);
    const t = this.tf === null ? null : await agree(call, { faithful, ideal: i.out }, this.tf);
    return {
      price: prices(faithful, i.out),
      oracles: t?.by ?? null,
      ideal: i.out,
      ideal_ms: i.ms,
      tf_ms: t?.ms ?? null,
    };
  }

  async idealUnit(
    u: Unit,
    prompt: Prompt,
    x: Tensor | null | "carry",
    faithful: Outputs,
  ): Promise<IdealUnit> {
    if (!this.model) throw new Error("idealUnit: expected a model, got none");
    const { config, weights } = this.model;
    const chain = new ExactChain("ideal", { decide: (_, site) => faithful.get(site) });
    const next = await runUnit(config, weights, ideal, chain, u, prompt, x === "carry" ? this.carried : x);
    this.carried = next;
    const price = new Map<string, Record<string, Distance>>();
    for (const [site, step] of chain.steps) {
      const f = faithful.get(site);
      if (f) price.set(site, prices(f, step.out));
    }
    return { price, next };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
