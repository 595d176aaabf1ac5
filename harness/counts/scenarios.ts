/** What is counted: a layer of each kind of attention at the end of a long text, and the experts in either format. */
import { loadConfig } from "../../fixtures/configs.ts";
import { syntheticStreams } from "../../fixtures/streams.ts";
import type { ModelConfig } from "../../oracle/config.ts";
import { Ctx } from "../../oracle/context.ts";
import { block } from "../../oracle/model.ts";
import { moe } from "../../oracle/moe.ts";
import { faithful } from "../../oracle/num/index.ts";
import { encode } from "../../oracle/num/storage.ts";
import { freqTable } from "../chains.ts";
import { UsageError } from "../exit.ts";
import { generator } from "../inputs.ts";
import type { Native } from "../native.ts";
import { CountChain } from "./chain.ts";
import { stateAt } from "./context.ts";
import type { Counts } from "./figures.ts";
import { CountWeights } from "./weights.ts";

export interface CountOptions {
  readonly native: Native;
  /** Model configuration: pro. */
  readonly config: string;
  /** Tokens of the text, those of the call included. */
  readonly context: number;
  /** Tokens of a call, one scenario each. */
  readonly tokens: readonly number[];
  readonly seed: number;
  /** Bytes of expert weights a launch, where the default does not suit. */
  readonly most?: number;
  readonly onLaunch: (scenario: string, site: string) => void;
}

const call = (n_tok: number): string => (n_tok > 16 ? `prefill ${n_tok}` : `decode ${n_tok}`);

/** The first layer of a kind whose router scores; the hash routed ones are few. */
const layerOf = (c: ModelConfig, kind: string): number => {
  const layer = c.layers.findIndex((l, i) => l.kind === kind && !l.hash && i < c.n_layer);
  if (layer < 0) throw new UsageError(`config: expected one with a ${kind} layer, got none`);
  return layer;
};

/** Tokens that have little in common, as a router must see them: normal values, bf16 [n_tok, d_model]. */
function plainTokens(c: ModelConfig, n_tok: number, seed: number) {
  const random = generator(`${seed}/tokens/${n_tok}`);
  // the sum of four uniform numbers is bell-shaped enough
  const bell = (): number => (random() + random() + random() + random() - 2) * Math.sqrt(3);
  return encode("bf16", Float64Array.from({ length: n_tok * c.d_model }, bell), [n_tok, c.d_model]);
}

/** Runs every scenario; the launches of each by site. */
export async function countAll(o: CountOptions): Promise<Counts["scenarios"]> {
  const scenarios: Record<string, Counts["scenarios"][string]> = {};
  const run = async (
    name: string,
    c: ModelConfig,
    layer: number,
    walk: (x: Ctx) => Promise<unknown>,
    weights: CountWeights,
  ) => {
    const prefix = `layers.${layer}.`;
    const chain = new CountChain(o.native, weights, prefix, (site) => o.onLaunch(name, site));
    await walk(new Ctx(c, weights, chain, freqTable(c, faithful), prefix));
    scenarios[name] = Object.fromEntries(chain.launches);
  };
  const { config: c } = loadConfig(o.config);
  for (const name of ["csa", "hca"] as const) {
    const layer = layerOf(c, name);
    const kind = c.layers[layer];
    const weights = new CountWeights(c, o.seed, o.most);
    for (const n_tok of o.tokens) {
      const pos0 = o.context - n_tok;
      const { x, ids } = syntheticStreams(c, layer, n_tok, o.seed);
      await run(
        `${name} layer, ${call(n_tok)}`,
        c,
        layer,
        (ctx) => block(ctx, kind, x, { ids, pos0 }, stateAt(c, kind, pos0, o.seed)),
        weights,
      );
    }
  }
  const { config: nvfp4 } = loadConfig(o.config, "nvfp4");
  const layer = layerOf(nvfp4, "hca");
  const weights = new CountWeights(nvfp4, o.seed, o.most);
  for (const n_tok of o.tokens) {
    const { ids } = syntheticStreams(nvfp4, layer, n_tok, o.seed);
    await run(
      `nvfp4 experts, ${call(n_tok)}`,
      nvfp4,
      layer,
      (ctx) => moe(ctx, nvfp4.layers[layer], plainTokens(nvfp4, n_tok, o.seed), ids),
      weights,
    );
  }
  return scenarios;
}
