/** What both gates compute: expert scores, and the weights of the experts that were chosen. */
import { tfjs } from "./backend.ts";
import { program, put, putInts, sumLast } from "./program.ts";
import type { Tensor } from "../tensor.ts";

/** sqrt(softplus(logit)) [n_tok, n_expert]. softplus(x) = max(x, 0) + log1p(exp(-|x|)) is x above 20 in float32. */
export const scoresOf = (logits: Float32Array, nTok: number, nExpert: number): tfjs.Tensor =>
  tfjs.sqrt(tfjs.softplus(put(logits, [nTok, nExpert])));

/** score / sum over the chosen * scale. The gather is flat: a gather with batchDims reads foreign memory on WASM. */
export function routeWeights(
  score: Float32Array,
  ids: Int32Array,
  nTok: number,
  nExpert: number,
  nAct: number,
  scale: number,
): { weights: Tensor } {
  const bad = ids.find((id) => !(id >= 0 && id < nExpert));
  if (bad !== undefined) throw new Error(`gate: expected expert ids in 0..${nExpert - 1}, got ${bad}`);
  return program(() => {
    const flat = putInts(
      ids.map((id, i) => Math.floor(i / nAct) * nExpert + id),
      [nTok * nAct],
    );
    const chosen = tfjs.reshape(tfjs.gather(put(score, [nTok * nExpert]), flat), [nTok, nAct]);
    return { weights: tfjs.mul(tfjs.div(chosen, sumLast(chosen)), scale) };
  });
}
