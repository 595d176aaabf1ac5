import { defineFusion, tap } from "../fusion.ts";
import { op as hcHeadSplit } from "../mhc/hc_head_split.op.ts";
import { t } from "../schema.ts";
import { CLUSTER, collapseParts, mixPart, STREAM_AXES } from "./streams.ts";

export const op = defineFusion({
  name: "hc_head_norm",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py hc_head and the norm before the logits",
  axes: STREAM_AXES,
  attrs: { eps: "f32", hc_eps: "f32" },
  in: {
    x: t("bf16", ["n_tok", "hc", "d_model"]),
    fn: t("f32", ["hc", "hc*d_model"]),
    scale: t("f32", ["1"]),
    base: t("f32", ["hc"]),
    w: t("bf16", ["d_model"]),
  },
  parts: [
    mixPart("x", "hc"),
    {
      name: "split",
      op: hcHeadSplit,
      in: { mix: "mix", scale: "scale", base: "base" },
      scalars: { n_tok: "n_tok", hc: "hc", eps: "hc_eps" },
      out: { pre: tap("pre", ["n_tok", "hc"]) },
    },
    ...collapseParts("x"),
  ],
  launch: CLUSTER,
});
