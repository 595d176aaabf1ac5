import { close, defineOp, f32Sum, out, t } from "../schema.ts";
import { FP8_SCORES, scoresOnSm100 } from "../umma_scores.ts";

export const op = defineOp({
  name: "index_scores_fp8",
  family: "index",
  cite: "DeepGEMM fp8_mqa_logits (sm100_mqa_logits.cuh); vLLM deepseek_v4 fused_indexer_q: weights_out = w q_scale softmax_scale head_scale, f32",
  axes: {
    n_tok: "tokens",
    n_head: "heads",
    width: "channels of an entry",
    n_entry: "compressed entries",
  },
  attrs: { scale: "f32" },
  in: {
    q: t("e4m3", ["n_tok", "n_head", "width"]),
    q_s: t("ue8m0", ["n_tok", "n_head"]),
    k: t("e4m3", ["n_entry", "width"]),
    k_s: t("f32", ["n_entry"]),
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
    "s = k_s * sum_h relu(q_h . k) * v_h, v_h = fl32(fl32(w_h * scale) * 2^(q_s - 127)), which is not rounded to bf16 (q_s 255: NaN); f32 dot products of the codes and f32 sum over heads, then one f32 product with the entry's scale, which may be any number, NaN and infinities included; dot products and partial sums below 2^128; NaN passes the relu. q_s is act_quant_fp8's, a row of 128 channels a block; k and k_s are an entry of 132 bytes apart. No mask: the scores of entries that a token cannot see yet are computed and stored too, index_topk does not read them",
  launch: { grid: ["n_tok", "ceil_div(n_entry, 64)"], block: 128 },
  variants: { sm100: scoresOnSm100(FP8_SCORES) },
  flops: ({ n_tok, n_head, width, n_entry }) => 2 * n_tok * n_head * n_entry * (width + 1),
  macs: ({ n_tok, n_head, width, n_entry }) => n_tok * n_head * n_entry * width,
});
