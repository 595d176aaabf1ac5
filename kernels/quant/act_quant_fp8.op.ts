import { defineOp, exact, out, t } from "../schema.ts";

export const op = defineOp({
  name: "act_quant_fp8",
  family: "quant",
  cite: "DeepSeek-V4 inference/kernel.py act_quant (scale_fmt ue8m0)",
  axes: {
    M: "rows of A",
    K: "reduction length",
  },
  attrs: { block: "i32", floor: "f32" },
  in: {
    x: t("bf16", ["M", "K"]),
  },
  out: {
    q: out("e4m3", ["M", "K"], exact("amax, a power of two and one rounding leave no freedom")),
    s: out("ue8m0", ["M", "K/block"], exact("exponent from bits")),
  },
  contract:
    "a block is 1 x block along K (the last may be short): s = 2^ceil(log2(fl32(max(amax, floor) * fl32(1/448)))) from exponent bits, q = e4m3(clamp(x / s, -448, 448)), ties to even",
  launch: { grid: ["M", "ceil_div(K, 1024)"], block: 128 },
  flops: ({ M, K }) => 3 * M * K,
  quantiser: true,
});
