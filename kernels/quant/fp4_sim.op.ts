import { defineOp, exact, out, t } from "../schema.ts";

export const op = defineOp({
  name: "fp4_sim",
  family: "quant",
  cite: "DeepSeek-V4 inference/kernel.py fp4_act_quant inplace, block 32",
  axes: {
    n_row: "rows",
    width: "channels of an entry",
  },
  attrs: { block: "i32" },
  in: {
    x: t("bf16", ["n_row", "width"]),
  },
  out: {
    y: out("bf16", ["n_row", "width"], exact("amax, a power of two and two roundings leave no freedom")),
  },
  contract:
    "1 x block blocks: s = 2^ceil(log2(fl32(max(amax, 6 * 2^-126) * fl32(1/6)))), y = bf16(e2m1(clamp(x / s, -6, 6)) * s), e2m1 ties to even code",
  launch: { grid: ["ceil_div(n_row, 4)"], block: 128 },
  flops: ({ n_row, width }) => 4 * n_row * width,
  quantiser: true,
});
