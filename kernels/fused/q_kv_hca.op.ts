import { defineFusion } from "../fusion.ts";
import { LIMITS, main, mainParts, POOL_BLOCK, qKv, qKvParts } from "./latent_parts.ts";

export const op = defineFusion({
  name: "q_kv_hca",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Attention.forward up to the cache's rows, and Compressor.forward",
  axes: { ...qKv.axes, ...main.axes },
  attrs: { ...qKv.attrs, ...main.attrs },
  in: { ...qKv.in, ...main.in },
  parts: [...qKvParts, ...mainParts],
  contract: LIMITS,
  launch: { grid: ["2 * n_tok + n_entry"], block: POOL_BLOCK },
});
