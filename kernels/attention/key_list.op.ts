import { defineOp, exact, opt, out, t } from "../schema.ts";

export const op = defineOp({
  name: "key_list",
  family: "attention",
  cite: "DeepSeek-V4 inference/model.py get_window_topk_idxs, get_compress_topk_idxs",
  axes: {
    n_tok: "tokens",
    n_comp: "compressed slots of a key list",
    window: "sliding window",
    ratio: "tokens an entry stands for",
    n_raw: "raw rows of the pool",
    n_entry: "compressed entries",
  },
  attrs: { raw0: "i32" },
  in: {
    pos: t("i32", ["n_tok"]),
    comp: opt("i32", ["n_tok", "n_comp"]),
  },
  out: {
    idx: out("i32", ["n_tok", "window+n_comp"], exact("integers")),
  },
  contract:
    "slot j < window: token p - window + 1 + j as pool row (token - raw0), -1 before token 0; slot window + c: comp[c] (all entries n = c with n < floor((p + 1) / ratio) when comp is null) as pool row n_raw + n, -1 where there is none",
  launch: { grid: ["n_tok"], block: 128 },
  flops: () => 0,
});
