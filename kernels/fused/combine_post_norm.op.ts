import { defineFusion } from "../fusion.ts";
import {
  CLUSTER,
  COMBINE_AXES,
  COMBINE_IN,
  COMBINE_PART,
  NORM_ATTRS,
  NORM_AXES,
  NORM_CONTRACT,
  NORM_IN,
  normParts,
  POST_IN,
  POST_PART,
} from "./streams.ts";

export const op = defineFusion({
  name: "combine_post_norm",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py MoE.forward's sum, Block.hc_post, then hc_pre and norm of the next block's attention",
  axes: { ...NORM_AXES, ...COMBINE_AXES },
  attrs: NORM_ATTRS,
  in: { ...COMBINE_IN, ...POST_IN, ...NORM_IN },
  parts: [COMBINE_PART, POST_PART, ...normParts("streams")],
  contract: NORM_CONTRACT,
  launch: CLUSTER,
});
