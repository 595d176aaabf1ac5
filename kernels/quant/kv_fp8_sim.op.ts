import { defineOp, exact, out, t } from "../schema.ts";

export const op = defineOp({
  name: "kv_fp8_sim",
  family: "quant",
  cite: "DeepSeek-V4 inference/kernel.py act_quant inplace on kv[..., :-rope_dim], block 64",
  axes: {
    n_row: "rows",
    head_dim: "head width",
  },
  attrs: { n_nope: "i32", block: "i32" },
  in: {
    x: t("bf16", ["n_row", "head_dim"]),
  },
  out: {
    y: out("bf16", ["n_row", "head_dim"], exact("amax, a power of two and two roundings leave no freedom")),
  },
  contract:
    "channels below n_nope: e4m3 round trip in 1 x block blocks with the ue8m0 scale of act_quant_fp8 (amax floor 1e-4), back to bf16; the others are copied",
  launch: { grid: ["ceil_div(n_row, 4)"], block: 128 },
  flops: ({ n_row, head_dim }) => 4 * n_row * head_dim,
  quantiser: true,
});
