import { close, defineOp, distinct, exact, out, t } from "../schema.ts";

export const op = defineOp({
  name: "gate_hash",
  family: "moe",
  cite: "DeepSeek-V4 inference/model.py Gate.forward (hash layers: tid2eid)",
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
  out: {
    ids: out("i32", ["n_tok", "n_act"], exact("a table look-up")),
    weights: out("f32", ["n_tok", "n_act"], close(2 ** -20, "f32 softplus, sqrt and a sum of n_act terms")),
  },
  contract:
    "ids = tid2eid[token id]; weights = score / sum of the n_act scores * route_scale, score = sqrt(softplus(logit))",
  launch: { grid: ["ceil_div(n_tok, 32)"], block: 32 },
  flops: ({ n_tok, n_act }) => 8 * n_tok * n_act,
  reads: ({ n_act }, { tok, tid2eid }) => {
    const experts = Array.from(tok, (id) => distinct(tid2eid.subarray(id * n_act, (id + 1) * n_act)));
    return { tid2eid: distinct(tok) * n_act, logits: experts.reduce((a, b) => a + b, 0) };
  },
});
