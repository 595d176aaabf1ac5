import { close, defineOp, f32Sum, out, t } from "../schema.ts";
import { ummaLinear } from "../umma.ts";

const PLAN = "plan::dense_on(n_sm, M, N, K, plan::FP8)";

export const op = defineOp({
  name: "linear_fp8",
  family: "linear",
  cite: "DeepSeek-V4 inference/kernel.py fp8_gemm",
  axes: {
    M: "rows of A",
    N: "output features",
    K: "reduction length",
  },
  in: {
    a: t("e4m3", ["M", "K"]),
    a_s: t("ue8m0", ["M", "K/128"]),
    w: t("e4m3", ["N", "K"]),
    w_s: t("ue8m0", ["N/128", "K/128"]),
  },
  out: {
    y: out(
      "bf16",
      ["M", "N"],
      close(({ K }) => f32Sum(K), "f32 accumulation order over K"),
    ),
  },
  contract: "y = bf16(sum over 128-blocks of K of (f32 dot of the block) * a_s * w_s), f32 accumulation",
  launch: { grid: ["ceil_div(N, 64)", "ceil_div(M, 64)"], block: 128 },
  variants: {
    sm100: {
      when: "K > 0 && N > 0 && K % 16 == 0",
      ...ummaLinear("linear_fp8", PLAN),
      maps: {
        w_map: {
          tensor: "w",
          type: "u8",
          dims: ["K", "N"],
          strides: ["K"],
          box: ["128", "128"],
          swizzle: 128,
        },
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
  flops: ({ M, N, K }) => 2 * M * N * K,
  macs: ({ M, N, K }) => M * N * K,
});
