import { defineOp, exact, out, t } from "../schema.ts";

export const op = defineOp({
  name: "mtp_fuse",
  family: "mtp",
  cite: "DeepSeek-V4 inference/model.py MTPBlock.forward: e_proj(e).unsqueeze(2) + h_proj(h)",
  axes: {
    n_tok: "tokens",
    hc: "hyper-connection streams",
    d_model: "hidden size",
  },
  in: {
    e: t("bf16", ["n_tok", "d_model"]),
    h: t("bf16", ["n_tok", "hc", "d_model"]),
  },
  out: {
    x: out("bf16", ["n_tok", "hc", "d_model"], exact("one rounded addition")),
  },
  contract: "x[j] = bf16(e + h[j])",
  launch: { grid: ["n_tok", "ceil_div(d_model, 1024)"], block: "min(128, 32 * ceil_div(d_model, 256))" },
  flops: ({ n_tok, hc, d_model }) => n_tok * hc * d_model,
});
