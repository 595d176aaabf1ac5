import { defineFusion } from "../fusion.ts";
import { t } from "../schema.ts";
import { fp8, launches, toBf16, toF32 } from "./project_y.ts";

const parts = [
  fp8("q_a", "n_q"),
  fp8("kv_a", "n_kv"),
  toF32("kv", "n_comp"),
  toF32("gate", "n_comp"),
  toF32("index_kv", "n_index"),
  toF32("index_gate", "n_index"),
  toBf16("index_weights", "n_head"),
];

export const op = defineFusion({
  name: "project_y_csa",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Attention.forward: wq_a, wkv, wkv and wgate of both compressors and the indexer's weights_proj, all of the normed input",
  axes: {
    M: "tokens",
    K: "hidden size",
    n_q: "q latent",
    n_kv: "head size",
    n_comp: "compressor's width, of both windows that an entry looks at",
    n_index: "the same of the indexer's compressor",
    n_head: "indexer heads",
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
    index_kv_w: t("bf16", ["n_index", "K"]),
    index_gate_w: t("bf16", ["n_index", "K"]),
    index_weights_w: t("bf16", ["n_head", "K"]),
  },
  parts,
  ...launches(parts),
});
