import { close, defineOp, f32Sum, out, t } from "../schema.ts";
import { ummaLinear } from "../umma.ts";
import { usedExperts } from "./used.ts";

const PLAN = "plan::experts_on(n_sm, n_row, n_expert, N, K, plan::NVFP4)";

export const op = defineOp({
  name: "expert_linear_nvfp4",
  family: "moe",
  cite: "NVIDIA Model-Optimizer NVFP4 (block 16, two-level scales), grouped over experts",
  axes: {
    n_row: "rows",
    n_expert: "routed experts",
    n_slot: "experts resident",
    N: "output features",
    K: "reduction length",
  },
  in: {
    a: t("e2m1", ["n_row", "K"]),
    a_s: t("e4m3", ["n_row", "K/16"]),
    a_global: t("f32", ["n_expert"]),
    offset: t("i32", ["n_expert+1"]),
    expert_slot: t("i32", ["n_expert"]),
    w: t("e2m1", ["n_slot", "N", "K"]),
    w_s: t("e4m3", ["n_slot", "N", "K/16"]),
    w_global: t("f32", ["n_slot"]),
  },
  out: {
    y: out(
      "bf16",
      ["n_row", "N"],
      close(({ K }) => f32Sum(K), "f32 accumulation order over K"),
    ),
  },
  contract:
    "sum over 16-blocks of K of (f32 dot) * a_s * w_s, f32, times fl32(a_global[e] * w_global[slot]) once, one rounding to bf16; a row whose expert_slot is -1 traps",
  launch: { grid: ["ceil_div(N, 64)", "n_expert", "min(ceil_div(n_row, 64), 16)"], block: 128 },
  variants: {
    sm100: {
      when: "K > 0 && N > 0 && n_slot > 0 && n_expert > 0 && n_expert <= plan::MOST_EXPERTS && K % 64 == 0",
      ...ummaLinear("expert_linear_nvfp4", PLAN),
      maps: {
        w_map: {
          tensor: "w",
          type: "u8",
          dims: ["K / 2", "N", "n_slot"],
          strides: ["K / 2", "int64_t(N) * K / 2"],
          box: ["128", "128", "1"],
          swizzle: 128,
        },
        a_map: {
          tensor: "a",
          type: "u8",
          dims: ["K / 2", "n_row"],
          strides: ["K / 2"],
          box: ["128", `${PLAN}.x_rows()`],
          swizzle: 128,
        },
      },
    },
  },
  flops: ({ n_row, N, K }) => 2 * n_row * N * K,
  macs: ({ n_row, N, K }) => n_row * N * K,
  reads: ({ N, K }, ints) => {
    const { experts, slots } = usedExperts(ints);
    return {
      a_global: experts,
      expert_slot: experts,
      w: slots * N * K,
      w_s: slots * N * Math.ceil(K / 16),
      w_global: slots,
    };
  },
});
