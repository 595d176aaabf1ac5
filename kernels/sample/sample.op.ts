import { choice, defineOp, out, t } from "../schema.ts";

export const op = defineOp({
  name: "sample",
  family: "sample",
  cite: "DeepSeek-V4 inference/generate.py sample (exponential race), top-p after Holtzman et al. 2020; Philox4x32-10 after Salmon et al. 2011",
  axes: {
    n_row: "rows",
    vocab: "vocabulary",
  },
  attrs: { temperature: "f32", top_p: "f32", seed: "i32" },
  in: {
    logits: t("f32", ["n_row", "vocab"]),
    pos: t("i32", ["n_row"]),
  },
  out: {
    id: out(
      "i32",
      ["n_row"],
      choice(
        2 ** -16,
        "f32 softmax, prefix sums over the vocabulary and logarithms: two race values or a top-p border this close (relative) may swap",
      ),
    ),
  },
  contract:
    "temperature <= 0: the largest logit, ties to the lowest id, NaN never. Else p = softmax(logits / max(temperature, 1e-5)); keep the smallest set of largest p whose sum reaches top_p (equal p together; all when top_p >= 1); id maximises p / E over it, E = -log(u), u = ((philox(key = (seed, pos), counter = (id / 4, 0, 0, 0))[id % 4] >> 8) + 0.5) * 2^-24",
  launch: { grid: ["n_row"], block: "min(1024, 32 * ceil_div(vocab, 128))" },
  flops: ({ n_row, vocab }) => 8 * n_row * vocab,
  reads: ({ n_row, temperature }) => ({ pos: temperature > 0 ? n_row : 0 }),
});
