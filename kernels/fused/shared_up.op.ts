import { defineFusion } from "../fusion.ts";
import { op as linearFp8 } from "../linear/linear_fp8.op.ts";
import { t } from "../schema.ts";
import { ummaLinear } from "../umma.ts";
import { upActivation, upFp8, upProducts } from "./expert_up.ts";

const w_map = (tensor: string) =>
  ({ tensor, type: "u8", dims: ["K", "N"], strides: ["K"], box: ["128", "128"], swizzle: 128 }) as const;
const PLAN = "plan::dense_on(n_sm, M, N, K, plan::FP8.finished(2))";

export const op = defineFusion({
  name: "shared_up",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Expert.forward up to w2, of the shared expert",
  axes: {
    M: "tokens",
    N: "inner width of an expert",
    K: "hidden size",
  },
  attrs: { limit: "f32", floor: "f32" },
  in: {
    a: t("e4m3", ["M", "K"]),
    a_s: t("ue8m0", ["M", "K/128"]),
    w1: t("e4m3", ["N", "K"]),
    w1_s: t("ue8m0", ["N/128", "K/128"]),
    w3: t("e4m3", ["N", "K"]),
    w3_s: t("ue8m0", ["N/128", "K/128"]),
  },
  parts: [
    ...upProducts(linearFp8, { a: "a", a_s: "a_s" }, { M: "M", N: "N", K: "K" }, "M"),
    upActivation("M", false),
    upFp8("M"),
  ],
  launch: { grid: ["ceil_div(N, 128)", "ceil_div(M, 64)"], block: 128, smem: "72 << 10" },
  variants: {
    sm100: {
      when: "K > 0 && N > 0 && K % 16 == 0 && N % 128 == 0",
      ...ummaLinear("shared_up", PLAN),
      maps: {
        w1_map: w_map("w1"),
        w3_map: w_map("w3"),
        a_map: {
          tensor: "a",
          type: "u8",
          dims: ["K", "M"],
          strides: ["K"],
          box: ["128", `${PLAN}.x_rows()`],
          swizzle: 128,
        },
      },
    },
  },
});
