import { defineFusion } from "../fusion.ts";
import { t } from "../schema.ts";
import { fp8, launches, toF32 } from "./project_y.ts";

const parts = [fp8("q_a", "n_q"), fp8("kv_a", "n_kv"), toF32("kv", "n_comp"), toF32("gate", "n_comp")];

export const op = defineFusion({
  name: "project_y_hca",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Attention.forward: wq_a, wkv and the compressor's wkv and wgate, all of the normed input",
  axes: {
    M: "tokens",
    K: "hidden size",
    n_q: "q latent",
    n_kv: "head size",
    n_comp: "compressor's width",
  },
  in: {
    y: t("bf16", ["M", "K"]),
    y8: t("e4m3", ["M", "K"]),
    y8_s: t("ue8m0", ["M", "K/128"]),
    q_a_w: t("e4m3", ["n_q", "K"]),
    q_a_w_s: t("ue8m0", ["n_q/128", "K/128"]),
    kv_a_w: t("e4m3", ["n_kv", "K"]),
    kv_a_w_s: t("ue8m0", ["n_kv/128", "K/128"]),
    kv_w: t("bf16", ["n_comp", "K"]),
    gate_w: t("bf16", ["n_comp", "K"]),
  },
  parts,
  ...launches(parts),
});
