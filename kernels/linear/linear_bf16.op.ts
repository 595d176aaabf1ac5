import { close, defineOp, f32Sum, out, t } from "../schema.ts";
import { ummaLinear } from "../umma.ts";

const PLAN = "plan::dense_on(n_sm, M, N, K, plan::BF16)";

export const op = defineOp({
  name: "linear_bf16",
  family: "linear",
  cite: "DeepSeek-V4 inference/model.py F.linear in bf16 (indexer weights_proj)",
  axes: {
    M: "rows of A",
    N: "output features",
    K: "reduction length",
  },
  in: {
    a: t("bf16", ["M", "K"]),
    w: t("bf16", ["N", "K"]),
  },
  out: {
    y: out(
      "bf16",
      ["M", "N"],
      close(({ K }) => f32Sum(K), "f32 accumulation order over K"),
    ),
  },
  contract: "f32 accumulation, one rounding to bf16",
  launch: { grid: ["ceil_div(N, 64)", "ceil_div(M, 64)"], block: 128 },
  variants: {
    sm100: {
      when: "K > 0 && N > 0 && K % 8 == 0",
      ...ummaLinear("linear_bf16", PLAN),
      maps: {
        w_map: {
          tensor: "w",
          type: "bf16",
          dims: ["K", "N"],
          strides: ["2 * K"],
          box: ["64", "128"],
          swizzle: 128,
        },
        a_map: {
          tensor: "a",
          type: "bf16",
          dims: ["K", "M"],
          strides: ["2 * K"],
          box: ["64", `${PLAN}.x_rows()`],
          swizzle: 128,
        },
      },
    },
  },
  flops: ({ M, N, K }) => 2 * M * N * K,
  macs: ({ M, N, K }) => M * N * K,
});
