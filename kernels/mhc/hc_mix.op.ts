import { close, defineOp, f32Sum, out, t } from "../schema.ts";

export const op = defineOp({
  name: "hc_mix",
  family: "mhc",
  cite: "DeepSeek-V4 inference/model.py hc_pre: x.flatten, rsqrt, F.linear(x, hc_fn) * rsqrt",
  axes: {
    n_tok: "tokens",
    hc: "hyper-connection streams",
    d_model: "hidden size",
    n_mix: "rows of the projection",
  },
  attrs: { eps: "f32" },
  in: {
    x: t("bf16", ["n_tok", "hc", "d_model"]),
    fn: t("f32", ["n_mix", "hc*d_model"]),
  },
  out: {
    mix: out(
      "f32",
      ["n_tok", "n_mix"],
      close(({ hc, d_model }) => f32Sum(hc * d_model), "f32 accumulation order over hc * d_model"),
    ),
  },
  contract: "mix = (fn . x) / sqrt(mean(x^2) + eps), all f32, scaled after the dot product",
  launch: { grid: ["n_tok"], block: "min(256, 32 * ceil_div(hc * d_model, 1024))" },
  variants: {
    sm100: {
      when: "n_tok > 0 && n_mix <= 32 && hc * d_model > 0 && hc * d_model % 8 == 0",
      launch: {
        grid: ["plan::Mix(n_tok, hc * d_model).n_tile * plan::Mix(n_tok, hc * d_model).split()"],
        block: 288,
        smem: "plan::Mix(n_tok, hc * d_model).smem()",
        cluster: "plan::Mix(n_tok, hc * d_model).split()",
      },
    },
  },
  flops: ({ n_tok, n_mix, hc, d_model }) => 2 * n_tok * hc * d_model * (n_mix + 1),
  macs: ({ n_tok, n_mix, hc, d_model }) => n_tok * hc * d_model * n_mix,
});
