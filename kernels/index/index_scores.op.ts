import { close, defineOp, f32Sum, out, t } from "../schema.ts";

export const op = defineOp({
  name: "index_scores",
  family: "index",
  cite: "DeepSeek-V4 inference/model.py Indexer.forward; rounding as DeepGEMM mqa_logits (f32)",
  axes: {
    n_tok: "tokens",
    n_head: "heads",
    width: "channels of an entry",
    n_entry: "compressed entries",
  },
  attrs: { scale: "f32" },
  in: {
    q: t("bf16", ["n_tok", "n_head", "width"]),
    k: t("bf16", ["n_entry", "width"]),
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
  contract: "s = sum_h relu(q_h . k) * bf16(w_h * scale), f32 dot products and sum; no mask",
  launch: { grid: ["n_tok", "ceil_div(n_entry, 64)"], block: 128 },
  flops: ({ n_tok, n_head, width, n_entry }) => 2 * n_tok * n_head * n_entry * (width + 1),
  macs: ({ n_tok, n_head, width, n_entry }) => n_tok * n_head * n_entry * width,
});
