import { close, defineOp, distinct, opt, out, t } from "../schema.ts";

export const op = defineOp({
  name: "swiglu",
  family: "moe",
  cite: "DeepSeek-V4 inference/model.py Expert.forward with swiglu_limit",
  axes: {
    n_row: "rows",
    d_ff: "inner width of an expert",
    n_slot: "experts resident",
  },
  attrs: { limit: "f32" },
  in: {
    g: t("bf16", ["n_row", "d_ff"]),
    u: t("bf16", ["n_row", "d_ff"]),
    row_slot: opt("i32", ["n_row"]),
    weight: opt("f32", ["n_slot"]),
  },
  out: {
    y: out("bf16", ["n_row", "d_ff"], close(2 ** -20, "exp and a division in f32")),
  },
  contract:
    "g <- min(g, limit); u <- clamp(u, -limit, limit); y = bf16(g / (1 + exp(-g)) * u * weight[row_slot[row]]), weight 1 when null, f32 inside, one rounding",
  launch: { grid: ["ceil_div(n_row * ceil_div(d_ff, 8), 128)"], block: 128 },
  flops: ({ n_row, d_ff }) => 6 * n_row * d_ff,
  reads: ({ n_row }, ints) => ({ weight: "row_slot" in ints ? distinct(ints.row_slot) : n_row }),
});
