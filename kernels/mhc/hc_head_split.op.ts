import { close, defineOp, out, t } from "../schema.ts";

export const op = defineOp({
  name: "hc_head_split",
  family: "mhc",
  cite: "DeepSeek-V4 inference/model.py hc_head: sigmoid(mixes * hc_scale + hc_base) + hc_eps",
  axes: {
    n_tok: "tokens",
    hc: "hyper-connection streams",
  },
  attrs: { eps: "f32" },
  in: {
    mix: t("f32", ["n_tok", "hc"]),
    scale: t("f32", ["1"]),
    base: t("f32", ["hc"]),
  },
  out: {
    pre: out("f32", ["n_tok", "hc"], close(2 ** -20, "exp in f32, a dozen roundings")),
  },
  contract: "pre = sigmoid(mix * scale + base) + eps in f32",
  launch: { grid: ["ceil_div(n_tok * hc, 128)"], block: 128 },
  flops: ({ n_tok, hc }) => 8 * n_tok * hc,
});
