import { op as keyList } from "../attention/key_list.op.ts";
import { defineFusion, result, tap } from "../fusion.ts";
import { op as indexTopk } from "../index/index_topk.op.ts";
import { t } from "../schema.ts";

export const op = defineFusion({
  name: "topk_keys",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Indexer.forward: masked topk; Attention.forward: topk_idxs = cat(window, compressed)",
  axes: {
    n_tok: "tokens",
    n_entry: "compressed entries",
    topk: "entries selected",
    ratio: "tokens an entry stands for",
    window: "sliding window",
    n_raw: "raw rows of the pool",
  },
  attrs: { raw0: "i32" },
  in: {
    s: t("f32", ["n_tok", "n_entry"]),
    pos: t("i32", ["n_tok"]),
  },
  parts: [
    {
      name: "topk",
      op: indexTopk,
      in: { s: "s", pos: "pos" },
      scalars: { n_tok: "n_tok", n_entry: "n_entry", topk: "topk", ratio: "ratio" },
      out: { idx: tap("chosen", ["n_tok", "topk"]) },
    },
    {
      name: "keys",
      op: keyList,
      in: { pos: "pos", comp: "chosen" },
      scalars: {
        n_tok: "n_tok",
        n_comp: "topk",
        window: "window",
        ratio: "ratio",
        n_raw: "n_raw",
        n_entry: "n_entry",
        raw0: "raw0",
      },
      out: { idx: result("idx", ["n_tok", "window+topk"]) },
    },
  ],
  launch: { grid: ["n_tok"], block: "n_entry > 8192 ? 1024 : 256" },
});
