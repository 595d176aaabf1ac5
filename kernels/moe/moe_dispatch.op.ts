import { defineOp, exact, out, t } from "../schema.ts";

export const op = defineOp({
  name: "moe_dispatch",
  family: "moe",
  cite: "DeepSeek-V4 inference/model.py MoE.forward: rows of each expert",
  axes: {
    n_tok: "tokens",
    n_act: "experts per token",
    n_expert: "routed experts",
  },
  in: {
    ids: t("i32", ["n_tok", "n_act"]),
  },
  out: {
    offset: out("i32", ["n_expert+1"], exact("integers")),
    row_tok: out("i32", ["n_tok*n_act"], exact("integers")),
    row_slot: out("i32", ["n_tok*n_act"], exact("integers")),
    row_expert: out("i32", ["n_tok*n_act"], exact("integers")),
    slot_row: out("i32", ["n_tok", "n_act"], exact("integers")),
  },
  contract:
    "rows sorted by expert, then by slot = tok * n_act + i: expert e owns rows offset[e] .. offset[e + 1] - 1; row_slot and slot_row are inverse permutations",
  launch: { grid: ["1"], block: 256, smem: "4 * 8 * n_expert" },
  flops: () => 0,
});
