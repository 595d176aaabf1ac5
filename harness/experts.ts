/**
 * Which experts the tokens choose, before a checkpoint exists: a true-size layer has 14 GB of experts and one token needs six. The
 * faithful chain runs over parameters made in memory up to the point where it asks for experts.
 */
import { syntheticWeights } from "../fixtures/reader.ts";
import type { ModelConfig } from "../oracle/config.ts";
import { faithful } from "../oracle/num/index.ts";
import type { Tensor } from "../oracle/tensor.ts";
import type { Weights } from "../oracle/weights.ts";
import { ExactChain, runUnit, type Prompt, type Unit } from "./chains.ts";

class Enough extends Error {}

/** Expert ids by layer. `x` are the streams that enter the first unit (null: from the embedding). */
export async function chosenExperts(
  config: ModelConfig,
  seed: number,
  units: readonly Unit[],
  prompt: Prompt,
  x: Tensor | null,
): Promise<Record<string, number[]>> {
  const chosen: Record<string, number[]> = {};
  const made = syntheticWeights(config, seed);
  let [streams, last] = [x, false];
  const weights: Weights = {
    get: (name) => made.get(name),
    experts(prefix, proj, ids) {
      const layer = /^layers\.(\d+)\./.exec(prefix)?.[1];
      if (layer === undefined) throw new Error(`experts: expected a layer's prefix, got "${prefix}"`);
      chosen[layer] = [...ids];
      if (last) throw new Enough();
      return made.experts(prefix, proj, ids);
    },
  };
  for (const [i, u] of units.entries()) {
    last = i === units.length - 1; // nothing after its choice is needed
    try {
      streams = await runUnit(
        config,
        weights,
        faithful,
        new ExactChain("faithful"),
        { ...u, tail: false },
        prompt,
        streams,
      );
    } catch (e) {
      if (!(e instanceof Enough)) throw e;
    }
  }
  return chosen;
}
