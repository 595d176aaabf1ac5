import { defineFusion } from "../fusion.ts";
import { COMBINE_AXES, COMBINE_IN, COMBINE_PART, POST_IN, POST_PART, STREAM_AXES } from "./streams.ts";

export const op = defineFusion({
  name: "combine_post",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py MoE.forward's sum and Block.hc_post",
  axes: { ...STREAM_AXES, ...COMBINE_AXES },
  attrs: {},
  in: { ...COMBINE_IN, ...POST_IN },
  parts: [COMBINE_PART, POST_PART],
  launch: { grid: ["n_tok", "ceil_div(d_model, 1024)"], block: 128 },
});
