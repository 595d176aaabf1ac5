import { defineFusion, result, tap } from "../fusion.ts";
import { op as groupedLinear } from "../linear/grouped_linear_fp8w.op.ts";
import { op as actQuantFp8 } from "../quant/act_quant_fp8.op.ts";
import { t } from "../schema.ts";
import { ummaLinear } from "../umma.ts";

const PLAN = "plan::groups_on(n_sm, M, n_group, 128 * n_block, K, plan::FP8W.finished(1))";
const U = ["M", "n_group", "128*n_block"];

export const op = defineFusion({
  name: "o_a_quant",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Attention.forward: wo_a's einsum, and the act_quant in front of wo_b",
  axes: {
    M: "rows of A",
    n_group: "output groups",
    n_block: "blocks of 128 output features of a group",
    K: "reduction length",
  },
  attrs: { floor: "f32" },
  in: {
    a: t("bf16", ["M", "n_group", "K"]),
    w: t("e4m3", ["n_group*128*n_block", "K"]),
    w_s: t("ue8m0", ["n_group*n_block", "K/128"]),
  },
  parts: [
    {
      name: "o_a",
      op: groupedLinear,
      in: { a: "a", w: "w", w_s: "w_s" },
      scalars: { M: "M", n_group: "n_group", N: "128*n_block", K: "K" },
      out: { y: tap("u", U) },
    },
    {
      name: "quant",
      op: actQuantFp8,
      in: { x: "u" },
      scalars: { M: "M", K: "n_group*128*n_block", block: 128, floor: "floor" },
      out: { q: result("q", U), s: result("s", ["M", "n_group", "n_block"]) },
    },
  ],
  contract: "a group has whole blocks of the quantiser, 128 features",
  launch: { grid: ["n_block", "ceil_div(M, 64)", "n_group"], block: 128, smem: "plan::O_A_SMEM" },
  variants: {
    sm100: {
      when: "K > 0 && n_block > 0 && n_group > 0 && K % 16 == 0",
      ...ummaLinear("o_a_quant", PLAN),
      maps: {
        w_map: {
          tensor: "w",
          type: "u8",
          dims: ["K", "int64_t(n_group) * 128 * n_block"],
          strides: ["K"],
          box: ["plan::FP8W.k", "128"],
        },
        a_map: {
          tensor: "a",
          type: "bf16",
          dims: ["K", "n_group", "M"],
          strides: ["2 * K", "2 * int64_t(n_group) * K"],
          box: ["64", "1", `${PLAN}.x_rows()`],
          swizzle: 128,
        },
      },
    },
  },
});
