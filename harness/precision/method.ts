/** What a run did and how its numbers are meant, sentence by sentence: reports print it beside them. */
import { SATURATED } from "./growth.ts";
import type { PrecisionRecord } from "./record.ts";

type Run = Pick<PrecisionRecord, "config" | "tokens" | "seed" | "context" | "layers">;

export function methodOf(r: Run): string[] {
  const { scaled, window, hca_ratio, index_topk } = r.context;
  const lengths = `window ${window}, ${hca_ratio === null ? "" : `HCA ratio ${hca_ratio}, `}top-k ${index_topk}`;
  return [
    `Model: ${r.config}, ${r.layers.length} layers from the embedding to the logits, synthetic parameters of seed ${r.seed}. They are random and not trained: prices rank formats and show how errors grow, they are not those of a trained checkpoint.`,
    scaled
      ? `Prompt: ${r.tokens} tokens at once. The model's lengths are scaled down with it (${lengths}), so that the window wraps, HCA layers have entries and the indexer has a choice.`
      : `Prompt: ${r.tokens} tokens at once, with the model's own lengths (${lengths}).`,
    "Ideal: float64, nothing rounded, master weights. Every chain is compared with it. A choice rounds at its own points only; router and indexer decide anew in every chain.",
    "Masters: synthetic checkpoints are drawn as codes, so no unquantised weight exists. Each FP8 and FP4 weight gets a master, drawn uniformly from the interval of numbers that round to its code under its block's scale. MXFP4 and FP8 prices hold the checkpoint's own codes against these masters. Parameters in bf16 and f32 are used as they are by every chain.",
    "NVFP4 weights are made from the same masters (w1 and w3 of an expert share their f32 scale); those of the shipped NVFP4 release from the MXFP4 codes, as ModelOpt makes them.",
    "NVFP4 activations: input scales are calibrated on the ideal chain, the largest magnitude of the layer over 2688, one for w1 and w3, one for w2. An NVFP4 cache has global scale 1.",
    "Isolated: a shipped op against the ideal op with master weights, on the inputs that the shipped chain gave it; codes count with their scales. Accumulated: the shipped chain against the ideal chain at the same place of the last layer that has it; routed rows where both chains chose the expert.",
    `Growth: least squares of log relative L2 of the streams against the layer, up to ${SATURATED}: unrelated streams are at 1.41, so an error near that cannot grow.`,
  ];
}
