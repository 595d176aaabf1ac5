/** What follows the indexer's scores `s`: the entries that a query takes, and its key list. */
import { op as keyList } from "../attention/key_list.op.ts";
import { result, tap, type FusionPart } from "../fusion.ts";
import { op as indexTopk } from "../index/index_topk.op.ts";

export const CHOICE_AXES = {
  n_tok: "tokens",
  n_entry: "compressed entries",
  topk: "entries selected",
  ratio: "tokens an entry stands for",
  window: "sliding window",
  n_raw: "raw rows of the pool",
} as const;

export const CHOICE_PARTS: readonly FusionPart[] = [
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
];
