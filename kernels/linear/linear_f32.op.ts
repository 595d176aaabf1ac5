import { close, defineOp, f32Sum, out, t } from "../schema.ts";
import { ummaLinear } from "../umma.ts";

const PLAN = "plan::dense_on(n_sm, M, N, K, plan::BF16)";

export const op = defineOp({
  name: "linear_f32",
  family: "linear",
  cite: "DeepSeek-V4 inference/model.py F.linear(x.float(), w.float()): gate, compressor, LM head",
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
      "f32",
      ["M", "N"],
      close(({ K }) => f32Sum(K), "f32 accumulation order over K"),
    ),
  },
  contract: "products of widened bf16 (exact in f32), f32 accumulation, f32 result",
  launch: { grid: ["ceil_div(N, 64)", "ceil_div(M, 64)"], block: 128 },
  variants: {
    sm100: {
      when: "K > 0 && N > 0 && K % 8 == 0",
      ...ummaLinear("linear_f32", PLAN),
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
