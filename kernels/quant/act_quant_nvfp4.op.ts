import { defineOp, distinct, exact, opt, out, t } from "../schema.ts";

export const op = defineOp({
  name: "act_quant_nvfp4",
  family: "quant",
  cite: "NVIDIA Model-Optimizer nvfp4_tensor.py: two-level scales, block 16",
  axes: {
    n_src: "rows of the gathered source",
    n_row: "rows",
    n_expert: "routed experts",
    K: "reduction length",
  },
  in: {
    x: t("bf16", ["n_src", "K"]),
    src_row: opt("i32", ["n_row"]),
    row_expert: t("i32", ["n_row"]),
    global: t("f32", ["n_expert"]),
  },
  out: {
    q: out("e2m1", ["n_row", "K"], exact("every step is one IEEE f32 operation")),
    s: out("e4m3", ["n_row", "K/16"], exact("every step is one IEEE f32 operation")),
  },
  contract:
    "row i quantises x[src_row[i]] (row i itself when src_row is null) with g = global[row_expert[i]]: s = e4m3(min(fl32(amax / fl32(6 g)), 448)), q = e2m1(fl32(x / fl32(s g))), all divisions IEEE f32; where s g = 0 every code is 0",
  launch: { grid: ["n_row", "ceil_div(K, 2048)"], block: "min(128, 32 * ceil_div(K, 512))" },
  flops: ({ n_row, K }) => 4 * n_row * K,
  reads: ({ n_row, K }, ints) => ({
    x: ("src_row" in ints ? distinct(ints.src_row) : n_row) * K,
    global: distinct(ints.row_expert),
  }),
  quantiser: true,
});
