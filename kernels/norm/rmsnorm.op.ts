import { close, defineOp, f32Sum, out, t } from "../schema.ts";

export const op = defineOp({
  name: "rmsnorm",
  family: "norm",
  cite: "DeepSeek-V4 inference/model.py RMSNorm.forward",
  axes: {
    n_row: "rows",
    d_model: "hidden size",
  },
  attrs: { eps: "f32" },
  in: {
    x: t("bf16", ["n_row", "d_model"]),
    w: t("bf16", ["d_model"]),
  },
  out: {
    y: out(
      "bf16",
      ["n_row", "d_model"],
      close(({ d_model }) => f32Sum(d_model), "order of the f32 sum of squares"),
    ),
  },
  contract: "y = w * x / sqrt(mean(x^2) + eps), f32 inside, one rounding to bf16",
  launch: { grid: ["n_row"], block: "min(256, 32 * ceil_div(d_model, 256))" },
  flops: ({ n_row, d_model }) => 4 * n_row * d_model,
});
