import { defineFusion } from "../fusion.ts";
import { op as gateTopk } from "../moe/gate_topk.op.ts";
import { t } from "../schema.ts";
import { DISPATCH_PART, GATE_OUT } from "./gate_parts.ts";

export const op = defineFusion({
  name: "gate_dispatch",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Gate.forward and MoE.forward, as the routing kernels of serving engines",
  axes: {
    n_tok: "tokens",
    n_expert: "routed experts",
    n_act: "experts per token",
  },
  attrs: { route_scale: "f32" },
  in: {
    logits: t("f32", ["n_tok", "n_expert"]),
    bias: t("f32", ["n_expert"]),
  },
  parts: [
    {
      name: "gate",
      op: gateTopk,
      in: { logits: "logits", bias: "bias" },
      scalars: { n_tok: "n_tok", n_expert: "n_expert", n_act: "n_act", route_scale: "route_scale" },
      out: GATE_OUT,
    },
    DISPATCH_PART,
  ],
  // a warp a token, up to 64 at once
  launch: {
    grid: ["n_tok > 32 ? 8 : n_tok > 16 ? 4 : n_tok > 8 ? 2 : 1"],
    block: 256,
    smem: "64 * n_expert",
    cluster: "n_tok > 32 ? 8 : n_tok > 16 ? 4 : n_tok > 8 ? 2 : 1",
  },
});
