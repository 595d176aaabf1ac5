import { choice, defineOp, out, t } from "../schema.ts";

export const op = defineOp({
  name: "index_topk",
  family: "index",
  cite: "DeepSeek-V4 inference/model.py Indexer.forward: masked topk",
  axes: {
    n_tok: "tokens",
    n_entry: "compressed entries",
    topk: "entries selected",
    ratio: "tokens an entry stands for",
  },
  in: {
    s: t("f32", ["n_tok", "n_entry"]),
    pos: t("i32", ["n_tok"]),
  },
  out: {
    idx: out("i32", ["n_tok", "topk"], choice(0, "the scores are inputs and a comparison has no error")),
  },
  contract:
    "of the entries n < floor((pos + 1) / ratio) the topk largest scores, ties to the lowest index, NaN below every number; written in ascending index order, then -1",
  launch: { grid: ["n_tok"], block: "n_entry > 8192 ? 1024 : 256" },
  flops: ({ n_tok, n_entry }) => n_tok * n_entry,
  // a token that sees no more entries than it takes needs no score
  reads: ({ n_entry, topk, ratio }, { pos }) => {
    const visible = pos.map((p) => Math.min(n_entry, Math.floor((p + 1) / ratio)));
    return { s: visible.reduce((sum, n) => sum + (n > topk ? n : 0), 0) };
  },
});
