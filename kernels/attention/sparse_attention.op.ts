import { close, defineOp, distinct, f32Sum, out, t } from "../schema.ts";
import { ummaAttention } from "../umma.ts";

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
        "f32 accumulation order. A score t of up to 2^5 is off by some 2^-20 of itself, so P by 2^-15, which flips its bf16 rounding with a chance of 2^-15 / 2^-8 and a step of at most 2^-7; in the mean over rows that is as much as the roundings of o that an error of 2^-15 flips: 2^-14 is both. One step moves the head's whole row by 2^-7 times P's share of L, which may be 1 (the largest P is in (1/2, 1] and flips like any other): a jump of 2^-7",
        2 ** -7,
      ),
    ),
  },
  contract:
    "t = f32(f32(q . k) * f32(scale * f32(log2 e))); m = ceil(max of t over slots with idx >= 0), at least the lowest finite f32 (the sink is not in it); P = 2^(t - m), where below 2^-126 it may be 0; L = sum P + f32(2^(f32(sink * f32(log2 e)) - m)), which a large sink makes infinite; o = bf16(sum bf16(P) v / L), v = k, f32 inside; a query without keys, or with P = 0 everywhere, gives 0. An integer m scales P, its rounding, L and the sum by one power of two: a running m, and parts of a list with an m each, give the same o",
  launch: {
    grid: ["n_tok", "ceil_div(n_head, 16)"],
    block: 128,
    // q of 16 heads; f32 scores of 16 heads and pool rows of up to 1280 keys (68 bytes a key), padded rows
    smem: "16 * (128 * ceil_div(head_dim, 64) + 64) + 68 * 32 * ceil_div(min(n_key, 1280), 32) + 512",
  },
  variants: {
    sm100: {
      when: "head_dim == 512 && n_kv > 0 && (uintptr_t(p.q) | uintptr_t(p.kv) | uintptr_t(p.o)) % 16 == 0",
      ...ummaAttention("sparse_attention", 224, 288),
      maps: {
        q_map: {
          tensor: "q",
          type: "bf16",
          dims: ["head_dim", "n_head", "n_tok"],
          strides: ["2 * head_dim", "2 * head_dim * int64_t(n_head)"],
          box: ["64", "64", "1"],
          swizzle: 128,
        },
        // rows by index, four at a time
        kv_map: {
          tensor: "kv",
          type: "bf16",
          dims: ["head_dim", "n_kv"],
          strides: ["2 * head_dim"],
          box: ["64", "1"],
          swizzle: 128,
        },
        o_map: {
          tensor: "o",
          type: "bf16",
          dims: ["head_dim", "n_head", "n_tok"],
          strides: ["2 * head_dim", "2 * head_dim * int64_t(n_head)"],
          box: ["64", "64", "1"],
          swizzle: 128,
        },
      },
    },
  },
  flops: ({ n_tok, n_head, head_dim, n_key }) => 4 * n_tok * n_head * head_dim * n_key,
  macs: ({ n_head, head_dim }, { idx }) => 2 * n_head * head_dim * idx.filter((key) => key >= 0).length,
  reads: ({ head_dim }, { idx }) => ({ kv: distinct(idx) * head_dim }),
});
