import { defineFusion } from "../fusion.ts";
import { op as gateTopk } from "../moe/gate_topk.op.ts";
import { t } from "../schema.ts";
import {
  DISPATCH_PART,
  GATE_OUT,
  LOGITS_PART,
  portableRouter,
  ROUTER_AXES,
  ROUTER_COUNTERS,
  ROUTER_IN,
  routerOnTensorCores,
} from "./router_parts.ts";

export const op = defineFusion({
  name: "router_dispatch",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Gate.forward and MoE.forward, as the router and routing kernels of serving engines",
  axes: ROUTER_AXES,
  attrs: { route_scale: "f32" },
  in: { ...ROUTER_IN, bias: t("f32", ["n_expert"]) },
  parts: [
    LOGITS_PART,
    {
      name: "gate",
      op: gateTopk,
      in: { logits: "logits", bias: "bias" },
      scalars: { n_tok: "n_tok", n_expert: "n_expert", n_act: "n_act", route_scale: "route_scale" },
      out: GATE_OUT,
    },
    DISPATCH_PART,
  ],
  counters: ROUTER_COUNTERS,
  // two words an expert for each of four warps that choose
  launch: portableRouter(8),
  variants: { sm100: routerOnTensorCores("router_dispatch") },
});
