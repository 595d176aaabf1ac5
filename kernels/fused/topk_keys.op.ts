import { defineFusion } from "../fusion.ts";
import { t } from "../schema.ts";
import { CHOICE_AXES, CHOICE_PARTS } from "./choice_parts.ts";

export const op = defineFusion({
  name: "topk_keys",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Indexer.forward: masked topk; Attention.forward: topk_idxs = cat(window, compressed)",
  axes: CHOICE_AXES,
  attrs: { raw0: "i32" },
  in: {
    s: t("f32", ["n_tok", "n_entry"]),
    pos: t("i32", ["n_tok"]),
  },
  parts: CHOICE_PARTS,
  launch: { grid: ["n_tok"], block: "n_entry > 8192 ? 1024 : 256" },
});
