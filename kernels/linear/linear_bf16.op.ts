import { close, defineOp, f32Sum, out, t } from "../schema.ts";

export const op = defineOp({
  name: "linear_bf16",
  family: "linear",
  cite: "DeepSeek-V4 inference/model.py F.linear in bf16 (indexer weights_proj)",
  axes: {
    M: "rows of A",
    N: "output features",
    K: "reduction length",
  },
  in: {
    a: t("bf16", ["M", "K"]),
    w: t("bf16", ["N", "K"]),
  },
  out: {
    y: out(
      "bf16",
      ["M", "N"],
      close(({ K }) => f32Sum(K), "f32 accumulation order over K"),
    ),
  },
  contract: "f32 accumulation, one rounding to bf16",
  launch: { grid: ["ceil_div(N, 64)", "ceil_div(M, 64)"], block: 128 },
  flops: ({ M, N, K }) => 2 * M * N * K,
});
