import { defineFusion } from "../fusion.ts";
import { t } from "../schema.ts";
import { CLUSTER, NORM_ATTRS, NORM_AXES, NORM_CONTRACT, NORM_IN, normParts } from "./streams.ts";

export const op = defineFusion({
  name: "hc_pre_norm",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Block.hc_pre and the norm and act_quant that follow it",
  axes: NORM_AXES,
  attrs: NORM_ATTRS,
  in: { x: t("bf16", ["n_tok", "hc", "d_model"]), ...NORM_IN },
  parts: normParts("x"),
  contract: NORM_CONTRACT,
  launch: CLUSTER,
});
