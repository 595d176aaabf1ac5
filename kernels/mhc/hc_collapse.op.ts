import { close, defineOp, f32Sum, out, t } from "../schema.ts";

export const op = defineOp({
  name: "hc_collapse",
  family: "mhc",
  cite: "DeepSeek-V4 inference/model.py hc_pre: sum(pre * x, dim=2)",
  axes: {
    n_tok: "tokens",
    hc: "hyper-connection streams",
    d_model: "hidden size",
  },
  in: {
    pre: t("f32", ["n_tok", "hc"]),
    x: t("bf16", ["n_tok", "hc", "d_model"]),
  },
  out: {
    y: out(
      "bf16",
      ["n_tok", "d_model"],
      close(({ hc }) => f32Sum(hc), "order of hc f32 additions"),
    ),
  },
  contract: "f32 sum over streams, one rounding to bf16",
  launch: { grid: ["n_tok", "ceil_div(d_model, 1024)"], block: "min(128, 32 * ceil_div(d_model, 256))" },
  flops: ({ n_tok, hc, d_model }) => 2 * n_tok * hc * d_model,
});
