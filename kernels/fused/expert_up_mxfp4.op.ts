import { defineFusion } from "../fusion.ts";
import { op as expertLinear } from "../moe/expert_linear_mxfp4.op.ts";
import { opt, t } from "../schema.ts";
import { ummaLinear } from "../umma.ts";
import { upActivation, upFp8, upProducts } from "./expert_up.ts";

const product = {
  n_src: "n_src",
  n_row: "n_row",
  n_expert: "n_expert",
  n_slot: "n_slot",
  N: "N",
  K: "K",
};
const of = { a: "a", a_s: "a_s", src_row: "src_row", offset: "offset", expert_slot: "expert_slot" };
const w_map = (tensor: string) =>
  ({
    tensor,
    type: "e2m1x16",
    dims: ["K", "N", "n_slot"],
    strides: ["K / 2", "int64_t(N) * K / 2"],
    box: ["128", "128", "1"],
    swizzle: 128,
  }) as const;
const PLAN = "plan::experts_on(n_sm, n_row, n_expert, N, K, plan::MXFP4.finished(2))";

export const op = defineFusion({
  name: "expert_up_mxfp4",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Expert.forward up to w2, as the gate and up kernels of serving engines",
  axes: {
    n_src: "rows of the gathered source",
    n_row: "rows",
    n_expert: "routed experts",
    n_slot: "experts resident",
    n_weight: "routing weights",
    N: "inner width of an expert",
    K: "hidden size",
  },
  attrs: { limit: "f32", floor: "f32" },
  in: {
    a: t("e4m3", ["n_src", "K"]),
    a_s: t("ue8m0", ["n_src", "K/128"]),
    src_row: opt("i32", ["n_row"]),
    offset: t("i32", ["n_expert+1"]),
    expert_slot: t("i32", ["n_expert"]),
    w1: t("e2m1", ["n_slot", "N", "K"]),
    w1_s: t("ue8m0", ["n_slot", "N", "K/32"]),
    w3: t("e2m1", ["n_slot", "N", "K"]),
    w3_s: t("ue8m0", ["n_slot", "N", "K/32"]),
    row_slot: opt("i32", ["n_row"]),
    weight: opt("f32", ["n_weight"]),
  },
  parts: [...upProducts(expertLinear, of, product, "n_row"), upActivation("n_row", true), upFp8("n_row")],
  launch: {
    grid: ["ceil_div(N, 128)", "n_expert", "min(ceil_div(n_row, 64), 16)"],
    block: 128,
    smem: "80 << 10",
  },
  variants: {
    sm100: {
      when: "K > 0 && N > 0 && n_slot > 0 && n_expert > 0 && n_expert <= plan::MOST_EXPERTS && K % 128 == 0 && N % 128 == 0",
      ...ummaLinear("expert_up_mxfp4", PLAN),
      maps: {
        w1_map: w_map("w1"),
        w3_map: w_map("w3"),
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
});
