/**
 * A prompt short enough for a chain of 61 layers to take seconds would see neither a wrapped window nor an HCA entry, and the
 * indexer would have nothing to choose. So the model's lengths shrink with the prompt: the shape of the context stays, its scale does not.
 */
import type { ModelConfig } from "../../oracle/config.ts";

/** Tokens that the model's own lengths need: the window wraps and every layer has a compressed entry. */
export const wholeContext = (c: ModelConfig): number =>
  Math.max(c.window, ...c.layers.map((l) => l.ratio)) + 4;

/**
 * The model for a prompt of `n_tok`: window and HCA ratio at most the largest power of two that fits twice, and a top-k of half of the CSA
 * entries. From `wholeContext` tokens on, the model itself.
 */
export function scaledContext(c: ModelConfig, n_tok: number): ModelConfig {
  if (n_tok >= wholeContext(c)) return c;
  const length = 2 ** Math.floor(Math.log2(n_tok / 2));
  const csa = c.layers.find((l) => l.kind === "csa");
  return {
    ...c,
    window: Math.min(c.window, length),
    index_topk: csa ? Math.min(c.index_topk, Math.max(1, Math.floor(n_tok / csa.ratio / 2))) : c.index_topk,
    layers: c.layers.map((l) => (l.kind === "hca" ? { ...l, ratio: Math.min(l.ratio, length) } : l)),
  };
}
