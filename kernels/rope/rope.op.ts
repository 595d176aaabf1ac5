import { close, defineOp, out, t } from "../schema.ts";

export const op = defineOp({
  name: "rope",
  family: "rope",
  cite: "DeepSeek-V4 inference/model.py apply_rotary_emb",
  axes: {
    n_row: "rows",
    n_head: "heads",
    head_dim: "head width",
    n_freq: "rotated pairs",
  },
  attrs: { inverse: "i32" },
  in: {
    x: t("bf16", ["n_row", "n_head", "head_dim"]),
    pos: t("i32", ["n_row"]),
    freq: t("f32", ["n_freq"]),
  },
  out: {
    y: out("bf16", ["n_row", "n_head", "head_dim"], close(2 ** -21, "sin and cos to 2 ulp")),
  },
  contract:
    "last 2 * n_freq channels as interleaved pairs (e, o) times exp(i fl32(pos * freq)), conjugate when inverse = 1, f32, one rounding to bf16; other channels copied",
  launch: {
    grid: ["n_row", "ceil_div(n_head, 4)"],
    block: "min(128, 32 * ceil_div(n_head * head_dim, 256))",
    smem: "8 * n_freq",
  },
  flops: ({ n_row, n_head, n_freq }) => 6 * n_row * n_head * n_freq,
});
