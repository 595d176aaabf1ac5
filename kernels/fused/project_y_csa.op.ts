import { defineFusion } from "../fusion.ts";
import { t } from "../schema.ts";
import { HCA_IN, HCA_PARTS, launches, toBf16, toF32 } from "./project_y.ts";

const parts = [
  ...HCA_PARTS,
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
    ...HCA_IN,
    index_kv_w: t("bf16", ["n_index", "K"]),
    index_gate_w: t("bf16", ["n_index", "K"]),
    index_weights_w: t("bf16", ["n_head", "K"]),
  },
  parts,
  ...launches("project_y_csa", parts),
});
