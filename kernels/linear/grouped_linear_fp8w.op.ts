import { close, defineOp, f32Sum, out, t } from "../schema.ts";
import { ummaLinear } from "../umma.ts";

const PLAN = "plan::groups_on(n_sm, M, n_group, N, K, plan::FP8W)";

export const op = defineOp({
  name: "grouped_linear_fp8w",
  family: "linear",
  cite: "DeepSeek-V4 inference/model.py Attention.forward: einsum(bsgd, grd -> bsgr) with wo_a dequantised to bf16",
  axes: {
    M: "rows of A",
    n_group: "output groups",
    N: "output features",
    K: "reduction length",
  },
  in: {
    a: t("bf16", ["M", "n_group", "K"]),
    w: t("e4m3", ["n_group*N", "K"]),
    w_s: t("ue8m0", ["n_group*N/128", "K/128"]),
  },
  out: {
    y: out(
      "bf16",
      ["M", "n_group", "N"],
      close(({ K }) => f32Sum(K), "f32 accumulation order over K"),
    ),
  },
  contract:
    "group g uses rows g N .. g N + N - 1 of w; w * w_s is exact in bf16; f32 accumulation, one rounding to bf16",
  launch: { grid: ["ceil_div(N, 64)", "ceil_div(M, 64)", "n_group"], block: 128 },
  variants: {
    sm100: {
      when: "K > 0 && N > 0 && n_group > 0 && K % 16 == 0",
      ...ummaLinear("grouped_linear_fp8w", PLAN),
      maps: {
        w_map: {
          tensor: "w",
          type: "u8",
          dims: ["K", "int64_t(n_group) * N"],
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
  flops: ({ M, n_group, N, K }) => 2 * M * n_group * N * K,
  macs: ({ M, n_group, N, K }) => M * n_group * N * K,
});
