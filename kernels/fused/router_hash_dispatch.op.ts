import { defineFusion } from "../fusion.ts";
import { op as gateHash } from "../moe/gate_hash.op.ts";
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
  name: "router_hash_dispatch",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Gate.forward (hash layers: tid2eid) and MoE.forward",
  axes: { ...ROUTER_AXES, vocab: "vocabulary" },
  attrs: { route_scale: "f32" },
  in: { ...ROUTER_IN, tok: t("i32", ["n_tok"]), tid2eid: t("i32", ["vocab", "n_act"]) },
  parts: [
    LOGITS_PART,
    {
      name: "gate",
      op: gateHash,
      in: { logits: "logits", tok: "tok", tid2eid: "tid2eid" },
      scalars: {
        n_tok: "n_tok",
        n_expert: "n_expert",
        n_act: "n_act",
        vocab: "vocab",
        route_scale: "route_scale",
      },
      out: GATE_OUT,
    },
    DISPATCH_PART,
  ],
  counters: ROUTER_COUNTERS,
  // a word an expert for each of four warps that sort
  launch: portableRouter(4),
  variants: { sm100: routerOnTensorCores("router_hash_dispatch") },
});
