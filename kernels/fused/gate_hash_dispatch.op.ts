import { defineFusion } from "../fusion.ts";
import { op as gateHash } from "../moe/gate_hash.op.ts";
import { t } from "../schema.ts";
import { DISPATCH_PART, GATE_OUT } from "./gate_parts.ts";

export const op = defineFusion({
  name: "gate_hash_dispatch",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Gate.forward (hash layers: tid2eid) and MoE.forward",
  axes: {
    n_tok: "tokens",
    n_expert: "routed experts",
    n_act: "experts per token",
    vocab: "vocabulary",
  },
  attrs: { route_scale: "f32" },
  in: {
    logits: t("f32", ["n_tok", "n_expert"]),
    tok: t("i32", ["n_tok"]),
    tid2eid: t("i32", ["vocab", "n_act"]),
  },
  parts: [
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
  launch: { grid: ["1"], block: 256, smem: "4 * 8 * n_expert" },
});
