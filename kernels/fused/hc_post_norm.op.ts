import { defineFusion } from "../fusion.ts";
import { t } from "../schema.ts";
import {
  CLUSTER,
  NORM_ATTRS,
  NORM_AXES,
  NORM_CONTRACT,
  NORM_IN,
  normParts,
  POST_IN,
  POST_PART,
} from "./streams.ts";

export const op = defineFusion({
  name: "hc_post_norm",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Block.hc_post, then hc_pre and norm of the next sublayer",
  axes: NORM_AXES,
  attrs: NORM_ATTRS,
  in: { z: t("bf16", ["n_tok", "d_model"]), ...POST_IN, ...NORM_IN },
  parts: [POST_PART, ...normParts("streams")],
  contract: NORM_CONTRACT,
  launch: CLUSTER,
});
