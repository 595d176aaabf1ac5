/** One chain through the layers under a choice, and what is kept of each layer to be compared with another chain's. */
import { setImmediate } from "node:timers/promises";
import { FormedWeights } from "../../fixtures/masters.ts";
import { syntheticWeights } from "../../fixtures/reader.ts";
import type { OpDecl, Scalars } from "../../kernels/schema.ts";
import type { ModelConfig } from "../../oracle/config.ts";
import { Ctx } from "../../oracle/context.ts";
import { roundOnly, tableRounding, type Group, type Policy } from "../../oracle/groups.ts";
import { block, embedTokens, emptyState, head } from "../../oracle/model.ts";
import { nvfp4Global, values } from "../../oracle/num/index.ts";
import type { Executor, In, Out } from "../../oracle/op.ts";
import type { Tensor } from "../../oracle/tensor.ts";
import type { Weights } from "../../oracle/weights.ts";
import { WHAT_IFS, type WhatIf } from "../../oracle/what_if.ts";
import { makeCall, runExact, type Call, type Tensors } from "../call.ts";
import { freqTable } from "../chains.ts";
import type { Choice } from "./choices.ts";

/** Largest magnitudes that entered the routed experts of a layer: what NVFP4's input scales are calibrated on. */
export interface Calibration {
  readonly w13: number;
  readonly w2: number;
}

/** What a chain keeps of a layer; numbers, so that chains of other formats compare. */
export interface LayerTaps {
  /** [n_tok, hc, d_model] after the layer. */
  readonly streams: Float64Array;
  /** [2, n_tok, d_model]: the vectors that the streams were collapsed to for attention and for the experts. */
  readonly collapsed: Float64Array;
  /** [n_tok, n_act]; null where token ids decide. */
  readonly experts: Int32Array | null;
  /** [n_tok, topk] compressed entries that the indexer chose; null in layers without one. */
  readonly selected: Int32Array | null;
  readonly calibration: Calibration;
}

/** One call of a chain with what it gave. */
export interface Step {
  readonly call: Call;
  readonly site: string;
  readonly out: Tensors;
}

/** Runs every call under its own rounding; `whatIf` may have another oracle for it. */
export class PolicyChain implements Executor {
  private readonly policy: Policy;
  private readonly whatIf: WhatIf;
  private readonly onStep: (s: Step) => void;

  constructor(policy: Policy, whatIf: WhatIf, onStep: (s: Step) => void) {
    this.policy = policy;
    this.whatIf = whatIf;
    this.onStep = onStep;
  }

  async call<D extends OpDecl>(op: D, site: string, t: In<D>, attrs?: Scalars): Promise<Out<D>> {
    await setImmediate(); // messages get their turn between ops
    const call = makeCall(op, t, attrs);
    const r = this.policy(op, site);
    const other = this.whatIf(op, site);
    const out = other
      ? (other(call.t as In<OpDecl>, call.s as never, r) as Tensors)
      : (await runExact(call, r)).out;
    this.onStep({ call, site, out });
    return out as Out<D>;
  }
}

export interface ChainPlan {
  readonly config: ModelConfig;
  readonly choice: Choice;
  readonly seed: number;
  /** Layers to run from the embedding on. */
  readonly layers: number;
  readonly ids: Tensor;
  /** By layer; needed where the experts run in the NVFP4 op. */
  readonly calibration: readonly Calibration[] | null;
}

export interface Chain {
  readonly config: ModelConfig;
  readonly weights: FormedWeights;
  readonly context: (ex: Executor) => Ctx;
  readonly executor: (onStep: (s: Step) => void) => Executor;
}

/** `from` may be another chain's parameters, where both are in the same layer at any time. */
export function chainOf(p: ChainPlan, from: Weights = syntheticWeights(p.config, p.seed)): Chain {
  const { choice, calibration } = p;
  const config: ModelConfig = { ...p.config, expert_format: choice.experts.op };
  const on: ReadonlySet<Group> = new Set(choice.groups);
  const weights = new FormedWeights(from, p.seed, {
    dense: choice.dense,
    experts: choice.experts,
    ...(calibration
      ? {
          input_scale: (prefix, proj) => {
            const of = calibration[Number(/^layers\.(\d+)\./.exec(prefix)?.[1])];
            return nvfp4Global(proj === "w2" ? of.w2 : of.w13);
          },
        }
      : {}),
  });
  const freq = freqTable(config, tableRounding(on));
  const whatIf: WhatIf = choice.what_if === null ? () => undefined : WHAT_IFS[choice.what_if];
  return {
    config,
    weights,
    context: (ex) => new Ctx(config, weights, ex, freq),
    executor: (onStep) => new PolicyChain(roundOnly(on), whatIf, onStep),
  };
}

const most = (x: Float64Array): number => x.reduce((a, v) => Math.max(a, Math.abs(v)), 0);
const wide = (t: Tensor): Float64Array => Float64Array.from(values(t));

/** Collects a layer's taps from its steps. */
function tapsOf(
  c: ModelConfig,
  layer: number,
  out: ReadonlyMap<string, Tensors>,
  streams: Tensor,
): LayerTaps {
  const at = (site: string): Tensors | undefined => out.get(`layers.${layer}.${site}`);
  const one = (site: string): Tensor => Object.values(at(site)!)[0];
  const [a, f] = [values(one("attn_hc.collapsed")), values(one("ffn_hc.collapsed"))];
  const collapsed = new Float64Array(a.length + f.length);
  collapsed.set(a);
  collapsed.set(f, a.length);
  const selected = at("attn.indexer.topk")?.idx;
  return {
    streams: wide(streams),
    collapsed,
    experts: c.layers[layer].hash ? null : Int32Array.from(at("ffn.gate")!.ids.data as Int32Array),
    selected: selected ? Int32Array.from(selected.data as Int32Array) : null,
    calibration: { w13: most(values(one("ffn_norm"))), w2: most(values(one("ffn.experts.act"))) },
  };
}

/** One layer of a chain: streams in, streams out. */
export async function runLayer(
  chain: Chain,
  layer: number,
  ids: Tensor,
  x: Tensor,
  onStep: (s: Step) => void = () => undefined,
): Promise<Tensor> {
  const c = chain.context(chain.executor(onStep)).at(`layers.${layer}.`);
  return (await block(c, chain.config.layers[layer], x, { ids, pos0: 0 }, emptyState()))[0];
}

export interface LayerRun {
  readonly layer: number;
  readonly taps: LayerTaps;
  /** Streams before and after the layer. */
  readonly input: Tensor;
  readonly output: Tensor;
  readonly steps: ReadonlyMap<string, Step>;
}

/** Runs the chain layer by layer; `onLayer` sees each before the next one starts. Returns the logits [n_tok, vocab]. */
export async function runChain(
  p: ChainPlan,
  chain: Chain,
  onLayer: (l: LayerRun) => Promise<void> | void,
): Promise<Float64Array> {
  const c = chain.context(chain.executor(() => undefined));
  let x = await embedTokens(c, p.ids);
  for (let layer = 0; layer < p.layers; layer++) {
    const steps = new Map<string, Step>();
    const input = x;
    x = await runLayer(chain, layer, p.ids, input, (s) => steps.set(s.site, s));
    const out = new Map([...steps].map(([site, s]) => [site, s.out]));
    await onLayer({ layer, taps: tapsOf(chain.config, layer, out, x), input, output: x, steps });
  }
  return wide(await head(c, x));
}
