import { defineFusion } from "../fusion.ts";
import { index, indexParts, LIMITS, main, mainParts, POOL_BLOCK, qKv, qKvParts } from "./latent_parts.ts";

export const op = defineFusion({
  name: "q_kv_csa",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Attention.forward up to the cache's rows, and Compressor.forward of attention and indexer",
  axes: { ...qKv.axes, ...main.axes, ...index.axes },
  attrs: { ...qKv.attrs, ...main.attrs },
  in: { ...qKv.in, ...main.in, ...index.in },
  parts: [...qKvParts, ...mainParts, ...indexParts],
  contract: `${LIMITS}, index_dim is a power of two of at least 32 and at most 256`,
  launch: { grid: ["2 * (n_tok + n_entry)"], block: POOL_BLOCK },
});
