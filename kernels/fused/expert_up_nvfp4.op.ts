import { defineFusion, result } from "../fusion.ts";
import { op as expertLinear } from "../moe/expert_linear_nvfp4.op.ts";
import { op as actQuantNvfp4 } from "../quant/act_quant_nvfp4.op.ts";
import { opt, t } from "../schema.ts";
import { ummaLinear } from "../umma.ts";
import { upActivation, upProducts } from "./expert_up.ts";

const rows = ["n_row", "N"];
const product = {
  n_row: "n_row",
  n_expert: "n_expert",
  n_slot: "n_slot",
  N: "N",
  K: "K",
};
const of = { a: "a", a_s: "a_s", a_global: "a_global", offset: "offset", expert_slot: "expert_slot" };
const w_map = (tensor: string) =>
  ({
    tensor,
    type: "u8",
    dims: ["K / 2", "N", "n_slot"],
    strides: ["K / 2", "int64_t(N) * K / 2"],
    box: ["128", "128", "1"],
    swizzle: 128,
  }) as const;
const PLAN = "plan::experts_on(n_sm, n_row, n_expert, N, K, plan::NVFP4.finished(2))";

export const op = defineFusion({
  name: "expert_up_nvfp4",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Expert.forward up to w2, NVIDIA Model-Optimizer NVFP4, as the gate and up kernels of serving engines",
  axes: {
    n_row: "rows",
    n_expert: "routed experts",
    n_slot: "experts resident",
    n_weight: "routing weights",
    N: "inner width of an expert",
    K: "hidden size",
  },
  attrs: { limit: "f32" },
  in: {
    a: t("e2m1", ["n_row", "K"]),
    a_s: t("e4m3", ["n_row", "K/16"]),
    a_global: t("f32", ["n_expert"]),
    offset: t("i32", ["n_expert+1"]),
    expert_slot: t("i32", ["n_expert"]),
    w1: t("e2m1", ["n_slot", "N", "K"]),
    w1_s: t("e4m3", ["n_slot", "N", "K/16"]),
    w1_global: t("f32", ["n_slot"]),
    w3: t("e2m1", ["n_slot", "N", "K"]),
    w3_s: t("e4m3", ["n_slot", "N", "K/16"]),
    w3_global: t("f32", ["n_slot"]),
    row_expert: t("i32", ["n_row"]),
    act_global: t("f32", ["n_expert"]),
    row_slot: opt("i32", ["n_row"]),
    weight: opt("f32", ["n_weight"]),
  },
  parts: [
    ...upProducts(expertLinear, of, product, "n_row", ["global"]),
    upActivation("n_row", true),
    {
      name: "quant",
      op: actQuantNvfp4,
      in: { x: "act", row_expert: "row_expert", global: "act_global" },
      scalars: { n_src: "n_row", n_row: "n_row", n_expert: "n_expert", K: "N" },
      out: { q: result("q", rows), s: result("s", ["n_row", "N/16"]) },
    },
  ],
  launch: {
    grid: ["ceil_div(N, 128)", "n_expert", "min(ceil_div(n_row, 64), 16)"],
    block: 128,
    smem: "80 << 10",
  },
  variants: {
    sm100: {
      when: "K > 0 && N > 0 && n_slot > 0 && n_expert > 0 && n_expert <= plan::MOST_EXPERTS && K % 64 == 0 && N % 128 == 0",
      ...ummaLinear("expert_up_nvfp4", PLAN),
      maps: {
        w1_map: w_map("w1"),
        w3_map: w_map("w3"),
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
});
