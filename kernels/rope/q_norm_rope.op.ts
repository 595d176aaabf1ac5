import { close, defineOp, f32Sum, out, t } from "../schema.ts";

export const op = defineOp({
  name: "q_norm_rope",
  family: "rope",
  cite: "DeepSeek-V4 inference/model.py Attention.forward: q *= rsqrt(mean(q^2) + eps), apply_rotary_emb; rounding as the fused kernels of vLLM",
  axes: {
    n_tok: "tokens",
    n_head: "heads",
    head_dim: "head width",
    n_freq: "rotated pairs",
  },
  attrs: { eps: "f32" },
  in: {
    q: t("bf16", ["n_tok", "n_head", "head_dim"]),
    pos: t("i32", ["n_tok"]),
    freq: t("f32", ["n_freq"]),
  },
  out: {
    y: out(
      "bf16",
      ["n_tok", "n_head", "head_dim"],
      close(
        ({ head_dim }) => f32Sum(head_dim) + 2 ** -21,
        "order of the f32 sum of squares; sin and cos to 2 ulp",
      ),
    ),
  },
  contract:
    "per-head RMS over head_dim without weight, then interleaved rotation of the last 2 * n_freq channels by fl32(pos * freq), all f32, one rounding to bf16 at the end",
  launch: { grid: ["n_tok", "ceil_div(n_head, 8)"], block: 128, smem: "8 * n_freq" },
  flops: ({ n_tok, n_head, head_dim }) => 4 * n_tok * n_head * head_dim,
});
