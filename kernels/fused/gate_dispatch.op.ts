import { defineFusion, result } from "../fusion.ts";
import { op as gateTopk } from "../moe/gate_topk.op.ts";
import { op as moeDispatch } from "../moe/moe_dispatch.op.ts";
import { t } from "../schema.ts";

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
      out: {
        ids: result("ids", ["n_tok", "n_act"]),
        weights: result("weights", ["n_tok", "n_act"]),
      },
    },
    {
      name: "dispatch",
      op: moeDispatch,
      in: { ids: "ids" },
      scalars: { n_tok: "n_tok", n_act: "n_act", n_expert: "n_expert" },
      out: {
        offset: result("offset", ["n_expert+1"]),
        row_tok: result("row_tok", ["n_tok*n_act"]),
        row_slot: result("row_slot", ["n_tok*n_act"]),
        row_expert: result("row_expert", ["n_tok*n_act"]),
        slot_row: result("slot_row", ["n_tok", "n_act"]),
      },
    },
  ],
  // a warp a token, up to 64 at once
  launch: {
    grid: ["n_tok > 32 ? 8 : n_tok > 16 ? 4 : n_tok > 8 ? 2 : 1"],
    block: 256,
    smem: "64 * n_expert",
    cluster: "n_tok > 32 ? 8 : n_tok > 16 ? 4 : n_tok > 8 ? 2 : 1",
  },
});
