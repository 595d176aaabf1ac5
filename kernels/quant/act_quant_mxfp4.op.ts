import { defineOp, exact, out, t } from "../schema.ts";

export const op = defineOp({
  name: "act_quant_mxfp4",
  family: "quant",
  cite: "DeepSeek-V4 inference/kernel.py fp4_act_quant, block 32",
  axes: {
    n_row: "rows",
    width: "channels of an entry",
  },
  in: {
    x: t("bf16", ["n_row", "width"]),
  },
  out: {
    q: out("e2m1", ["n_row", "width"], exact("amax, a power of two and one rounding leave no freedom")),
    s: out("ue8m0", ["n_row", "width/32"], exact("exponent from bits")),
  },
  contract:
    "1 x 32 blocks (the last of a row may be short, width is even): s = 2^ceil(log2(fl32(max(amax, 6 * 2^-126) * fl32(1/6)))) from exponent bits, q = e2m1(clamp(x / s, -6, 6)), ties to even code; a NaN or infinity makes s NaN and every code of its block 7. q * s is a bf16, but for |x| >= 3.5 * 2^126, which becomes 2^128",
  launch: { grid: ["ceil_div(int64_t(n_row) * width, 1024)"], block: 128 },
  flops: ({ n_row, width }) => 3 * n_row * width,
  quantiser: true,
});
