import { close, defineOp, f32Sum, out, t } from "../schema.ts";
import { MXFP4_SCORES, scoresOnSm100 } from "../umma_scores.ts";

export const op = defineOp({
  name: "index_scores",
  family: "index",
  cite: "DeepSeek-V4 inference/model.py Indexer.forward; rounding as DeepGEMM mqa_logits (f32, FP4 operands)",
  axes: {
    n_tok: "tokens",
    n_head: "heads",
    width: "channels of an entry",
    n_entry: "compressed entries",
  },
  attrs: { scale: "f32" },
  in: {
    q: t("e2m1", ["n_tok", "n_head", "width"]),
    q_s: t("ue8m0", ["n_tok", "n_head", "width/32"]),
    k: t("e2m1", ["n_entry", "width"]),
    k_s: t("ue8m0", ["n_entry", "width/32"]),
    w: t("bf16", ["n_tok", "n_head"]),
  },
  out: {
    s: out(
      "f32",
      ["n_tok", "n_entry"],
      close(
        ({ width, n_head }) => f32Sum(width) + f32Sum(n_head),
        "f32 accumulation order over width and heads",
      ),
    ),
  },
  contract:
    "s = sum_h relu(q_h . k) * bf16(w_h * scale), f32 dot products and sum; q and k are code * 2^(s - 127), exact, with a scale a 1 x 32 block (255: NaN) and values below 2^128; NaN passes the relu. No mask: the scores of entries that a token cannot see yet are computed and stored too, index_topk does not read them",
  launch: { grid: ["n_tok", "ceil_div(n_entry, 64)"], block: 128 },
  variants: { sm100: scoresOnSm100(MXFP4_SCORES) },
  flops: ({ n_tok, n_head, width, n_entry }) => 2 * n_tok * n_head * n_entry * (width + 1),
  macs: ({ n_tok, n_head, width, n_entry }) => n_tok * n_head * n_entry * width,
});
