import { close, defineOp, distinct, f32Sum, out, t } from "../schema.ts";

export const op = defineOp({
  name: "sparse_attention",
  family: "attention",
  cite: "DeepSeek-V4 inference/kernel.py sparse_attn",
  axes: {
    n_tok: "tokens",
    n_head: "heads",
    head_dim: "head width",
    n_kv: "rows of the key/value pool",
    n_key: "slots of a key list",
  },
  attrs: { scale: "f32" },
  in: {
    q: t("bf16", ["n_tok", "n_head", "head_dim"]),
    kv: t("bf16", ["n_kv", "head_dim"]),
    idx: t("i32", ["n_tok", "n_key"]),
    sink: t("f32", ["n_head"]),
  },
  out: {
    o: out(
      "bf16",
      ["n_tok", "n_head", "head_dim"],
      close(
        ({ head_dim, n_key }) => f32Sum(head_dim) + f32Sum(n_key) + 2 ** -14,
        "f32 accumulation order; an f32 error in a score flips the bf16 rounding of a P now and then, which moves that P by up to 2^-7 and the head's whole row by its weight, at most half (the largest P is 1 and cannot flip): on average little, and a jump of 2^-8 for that row",
        2 ** -8,
      ),
    ),
  },
  contract:
    "s = (q . k) * scale; m = max over slots with idx >= 0 (the sink is not in it); P = exp(s - m); L = sum P + exp(sink - m); o = bf16(sum bf16(P) v / L), v = k, f32 inside; a query without keys gives 0",
  launch: {
    grid: ["n_tok", "ceil_div(n_head, 16)"],
    block: 128,
    // q of 16 heads; f32 scores of 16 heads and pool rows of up to 1280 keys (68 bytes a key), padded rows
    smem: "16 * (128 * ceil_div(head_dim, 64) + 64) + 68 * 32 * ceil_div(min(n_key, 1280), 32) + 512",
  },
  flops: ({ n_tok, n_head, head_dim, n_key }) => 4 * n_tok * n_head * head_dim * n_key,
  macs: ({ n_head, head_dim }, { idx }) => 2 * n_head * head_dim * idx.filter((key) => key >= 0).length,
  reads: ({ head_dim }, { idx }) => ({ kv: distinct(idx) * head_dim }),
});
