import { close, defineOp, f32Sum, out, t } from "../schema.ts";

export const op = defineOp({
  name: "hc_post",
  family: "mhc",
  cite: "DeepSeek-V4 inference/model.py hc_post: post * x + sum(comb * residual, dim=2)",
  axes: {
    n_tok: "tokens",
    hc: "hyper-connection streams",
    d_model: "hidden size",
  },
  in: {
    z: t("bf16", ["n_tok", "d_model"]),
    x: t("bf16", ["n_tok", "hc", "d_model"]),
    post: t("f32", ["n_tok", "hc"]),
    comb: t("f32", ["n_tok", "hc", "hc"]),
  },
  out: {
    y: out(
      "bf16",
      ["n_tok", "hc", "d_model"],
      close(({ hc }) => f32Sum(hc + 1), "order of hc + 1 f32 additions"),
    ),
  },
  contract:
    "y[k] = post[k] z + sum_j comb[j][k] x[j] (first index of comb is the source), f32, one rounding to bf16",
  launch: { grid: ["n_tok", "ceil_div(d_model, 1024)"], block: "min(128, 32 * ceil_div(d_model, 256))" },
  flops: ({ n_tok, hc, d_model }) => 2 * n_tok * hc * (hc + 1) * d_model,
});
