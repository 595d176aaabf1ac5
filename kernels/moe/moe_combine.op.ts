import { defineOp, distinct, exact, out, t } from "../schema.ts";

export const op = defineOp({
  name: "moe_combine",
  family: "moe",
  cite: "DeepSeek-V4 inference/model.py MoE.forward: y (f32) += expert, + shared, cast",
  axes: {
    n_tok: "tokens",
    n_act: "experts per token",
    n_row: "rows",
    d_model: "hidden size",
  },
  in: {
    routed: t("bf16", ["n_row", "d_model"]),
    slot_row: t("i32", ["n_tok", "n_act"]),
    shared: t("bf16", ["n_tok", "d_model"]),
  },
  out: {
    z: out(
      "bf16",
      ["n_tok", "d_model"],
      exact("the order is fixed: routed outputs by slot, then shared, f32, one rounding"),
    ),
  },
  contract: "f32 sum of routed[slot_row[tok][0..n_act-1]] in slot order, then shared, one rounding to bf16",
  launch: { grid: ["ceil_div(n_tok * ceil_div(d_model, 8), 128)"], block: 128 },
  flops: ({ n_tok, n_act, d_model }) => n_tok * (n_act + 1) * d_model,
  reads: ({ d_model }, { slot_row }) => ({ routed: distinct(slot_row) * d_model }),
});
