import { choice, close, defineOp, out, t } from "../schema.ts";

export const op = defineOp({
  name: "gate_topk",
  family: "moe",
  cite: "DeepSeek-V4 inference/model.py Gate.forward (sqrtsoftplus, noaux_tc)",
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
  out: {
    ids: out(
      "i32",
      ["n_tok", "n_act"],
      choice(2 ** -20, "f32 softplus and sqrt to a few ulp of scores near 1 plus a bias near 8"),
    ),
    weights: out("f32", ["n_tok", "n_act"], close(2 ** -20, "f32 softplus, sqrt and a sum of n_act terms")),
  },
  contract:
    "score = sqrt(softplus(logit)), softplus(x) = x above 20; ids = the n_act largest score + bias in descending order, ties to the lowest id; weights = unbiased score / sum of selected * route_scale",
  launch: { grid: ["n_tok"], block: 32, smem: "8 * n_expert" },
  flops: ({ n_tok, n_expert }) => 6 * n_tok * n_expert,
});
