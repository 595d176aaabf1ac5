import { close, defineOp, out, t } from "../schema.ts";

export const op = defineOp({
  name: "hc_split",
  family: "mhc",
  cite: "DeepSeek-V4 inference/kernel.py hc_split_sinkhorn",
  axes: {
    n_tok: "tokens",
    hc: "hyper-connection streams",
    n_mix: "rows of the projection",
  },
  attrs: { eps: "f32", iters: "i32" },
  in: {
    mix: t("f32", ["n_tok", "n_mix"]),
    scale: t("f32", ["3"]),
    base: t("f32", ["n_mix"]),
  },
  out: {
    pre: out("f32", ["n_tok", "hc"], close(2 ** -20, "exp in f32, a dozen roundings")),
    post: out("f32", ["n_tok", "hc"], close(2 ** -20, "exp in f32, a dozen roundings")),
    comb: out(
      "f32",
      ["n_tok", "hc", "hc"],
      close(2 ** -17, "exp in f32 and 2 * iters normalisations, each a sum of hc terms and a division"),
    ),
  },
  contract:
    "pre = sigmoid(mix * scale0 + base) + eps; post = 2 sigmoid(mix * scale1 + base); comb[source][destination] = row softmax + eps, column normalise, then iters - 1 times row and column normalise, each divisor + eps",
  launch: { grid: ["ceil_div(n_tok, 32)"], block: 32 },
  flops: ({ n_tok, hc, iters }) => n_tok * (8 * hc + 4 * hc * hc * iters),
});
