import { defineOp, distinct, exact, out, t } from "../schema.ts";

export const op = defineOp({
  name: "embed",
  family: "head",
  cite: "DeepSeek-V4 inference/model.py Transformer.forward: embedding, repeated over hc streams",
  axes: {
    n_tok: "tokens",
    vocab: "vocabulary",
    d_model: "hidden size",
    hc: "hyper-connection streams",
  },
  in: {
    tok: t("i32", ["n_tok"]),
    table: t("bf16", ["vocab", "d_model"]),
  },
  out: {
    x: out("bf16", ["n_tok", "hc", "d_model"], exact("a copy")),
  },
  contract: "every stream is a bit-identical copy of the token's row; an id outside 0..vocab-1 traps",
  launch: { grid: ["n_tok", "ceil_div(d_model, 1024)"], block: "min(128, 32 * ceil_div(d_model, 256))" },
  flops: () => 0,
  reads: ({ d_model }, { tok }) => ({ table: distinct(tok) * d_model }),
});
