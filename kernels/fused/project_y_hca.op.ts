import { defineFusion } from "../fusion.ts";
import { HCA_IN, HCA_PARTS, launches } from "./project_y.ts";

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
  in: HCA_IN,
  parts: HCA_PARTS,
  ...launches("project_y_hca", HCA_PARTS),
});
