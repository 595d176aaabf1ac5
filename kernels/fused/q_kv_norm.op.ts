import { defineFusion } from "../fusion.ts";
import { LIMITS, qKv, qKvParts, ROW_BLOCK } from "./latent_parts.ts";

export const op = defineFusion({
  name: "q_kv_norm",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Attention.forward: q_norm and linear's act_quant; kv_norm, apply_rotary_emb, act_quant inplace",
  axes: qKv.axes,
  attrs: qKv.attrs,
  in: qKv.in,
  parts: qKvParts,
  contract: LIMITS,
  launch: { grid: ["2 * n_tok"], block: ROW_BLOCK },
});
