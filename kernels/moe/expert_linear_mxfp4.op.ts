import { close, defineOp, distinct, f32Sum, opt, out, t } from "../schema.ts";
import { ummaLinear } from "../umma.ts";
import { usedExperts } from "./used.ts";

const PLAN = "plan::experts_on(n_sm, n_row, n_expert, N, K, plan::MXFP4)";

export const op = defineOp({
  name: "expert_linear_mxfp4",
  family: "moe",
  cite: "DeepSeek-V4 inference/kernel.py fp4_gemm, grouped over experts",
  axes: {
    n_src: "rows of the gathered source",
    n_row: "rows",
    n_expert: "routed experts",
    n_slot: "experts resident",
    N: "output features",
    K: "reduction length",
  },
  in: {
    a: t("e4m3", ["n_src", "K"]),
    a_s: t("ue8m0", ["n_src", "K/128"]),
    src_row: opt("i32", ["n_row"]),
    offset: t("i32", ["n_expert+1"]),
    expert_slot: t("i32", ["n_expert"]),
    w: t("e2m1", ["n_slot", "N", "K"]),
    w_s: t("ue8m0", ["n_slot", "N", "K/32"]),
  },
  out: {
    y: out(
      "bf16",
      ["n_row", "N"],
      close(({ K }) => f32Sum(K), "f32 accumulation order over K"),
    ),
  },
  contract:
    "row i of expert e (offset[e] <= i < offset[e + 1]) multiplies a[src_row[i]] (row i itself when src_row is null) with w[expert_slot[e]]: per 32-block of K an f32 dot, * a_s * w_s, f32 sum, one rounding to bf16; a row whose expert_slot is -1 traps",
  launch: { grid: ["ceil_div(N, 64)", "n_expert", "min(ceil_div(n_row, 64), 16)"], block: 128 },
  variants: {
    sm100: {
      when: "K > 0 && N > 0 && n_slot > 0 && n_expert > 0 && n_expert <= plan::MOST_EXPERTS && K % 128 == 0",
      ...ummaLinear("expert_linear_mxfp4", PLAN),
      maps: {
        w_map: {
          tensor: "w",
          type: "e2m1x16",
          dims: ["K", "N", "n_slot"],
          strides: ["K / 2", "int64_t(N) * K / 2"],
          box: ["128", "128", "1"],
          swizzle: 128,
        },
        a_map: {
          tensor: "a",
          type: "u8",
          dims: ["K", "n_src"],
          strides: ["K"],
          box: ["128", "1"],
          swizzle: 128,
        },
      },
    },
  },
  flops: ({ n_row, N, K }) => 2 * n_row * N * K,
  macs: ({ n_row, N, K }) => n_row * N * K,
  reads: ({ n_row, N, K }, ints) => {
    const { experts, slots } = usedExperts(ints);
    const rows = "src_row" in ints ? distinct(ints.src_row) : n_row;
    return {
      a: rows * K,
      a_s: rows * Math.ceil(K / 128),
      expert_slot: experts,
      w: slots * N * K,
      w_s: slots * N * Math.ceil(K / 32),
    };
  },
});
