import { defineFusion, result } from "../fusion.ts";
import { op as linearFp8 } from "../linear/linear_fp8.op.ts";
import { t } from "../schema.ts";
import { ummaLinear } from "../umma.ts";
import { rows } from "./project_y.ts";

const PLAN = "plan::joint_on(n_sm, M, K, plan::Matrix{N0, plan::FP8}, plan::Matrix{N1, plan::FP8})";

const part = (i: 0 | 1) => ({
  name: `y${i}`,
  op: linearFp8,
  in: { a: "a", a_s: "a_s", w: `w${i}`, w_s: `w${i}_s` },
  scalars: { M: "M", N: `N${i}`, K: "K" },
  out: { y: result(`y${i}`, ["M", `N${i}`]) },
});

export const op = defineFusion({
  name: "linear_fp8_pair",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Attention.forward: wq_a and wkv, wq_b and the indexer's wq_b, as the joined projections of serving engines",
  axes: {
    M: "rows of A",
    N0: "output features of the first weights",
    N1: "output features of the second weights",
    K: "reduction length",
  },
  in: {
    a: t("e4m3", ["M", "K"]),
    a_s: t("ue8m0", ["M", "K/128"]),
    w0: t("e4m3", ["N0", "K"]),
    w0_s: t("ue8m0", ["N0/128", "K/128"]),
    w1: t("e4m3", ["N1", "K"]),
    w1_s: t("ue8m0", ["N1/128", "K/128"]),
  },
  parts: [part(0), part(1)],
  launch: { grid: ["ceil_div(N0, 64) + ceil_div(N1, 64)", "ceil_div(M, 64)"], block: 128 },
  variants: {
    sm100: {
      when: "K > 0 && N0 > 0 && N1 > 0 && K % 16 == 0",
      ...ummaLinear("linear_fp8_pair", PLAN),
      maps: {
        w0_map: rows("w0", "fp8", "N0", "128"),
        w1_map: rows("w1", "fp8", "N1", "128"),
        a_map: rows("a", "fp8", "M", `${PLAN}.x_rows()`),
      },
    },
  },
});
