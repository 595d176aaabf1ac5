import { close, defineOp, f32Sum, out, t } from "../schema.ts";

export const op = defineOp({
  name: "compress_pool",
  family: "compress",
  cite: "DeepSeek-V4 inference/model.py Compressor.forward",
  axes: {
    n_tok: "tokens",
    n_entry: "compressed entries",
    ratio: "tokens an entry stands for",
    n_coff: "halves of a compressor row",
    width: "channels of an entry",
  },
  attrs: { tok0: "i32", entry0: "i32" },
  in: {
    kv: t("f32", ["n_tok", "n_coff*width"]),
    gate: t("f32", ["n_tok", "n_coff*width"]),
    ape: t("f32", ["ratio", "n_coff*width"]),
  },
  out: {
    v: out(
      "bf16",
      ["n_entry", "width"],
      close(
        ({ ratio, n_coff }) => f32Sum(ratio * n_coff) + 2 ** -19,
        "exp in f32 and a sum of ratio * n_coff terms",
      ),
    ),
  },
  contract:
    "row 0 of kv is token tok0 (a multiple of ratio); v[i] is entry n = entry0 + i over tokens n ratio .. n ratio + ratio - 1. n_coff 1: softmax over the window of gate + ape, per channel. n_coff 2: 2 ratio slots, first the previous window's tokens with channels [0, width), then the window's own with channels [width, 2 width); entry 0 has no previous window (weight 0). f32, one rounding to bf16",
  launch: { grid: ["n_entry", "ceil_div(width, 128)"], block: 32 },
  flops: ({ n_entry, ratio, n_coff, width }) => 6 * n_entry * ratio * n_coff * width,
  reads: ({ n_entry, entry0, ratio, n_coff, width }) => {
    // windows of the entries' own channels, and of the previous windows' where there are such
    const windows = n_entry + (n_coff === 2 ? n_entry - Number(entry0 === 0 && n_entry > 0) : 0);
    const rows = windows * ratio * width;
    return { kv: rows, gate: rows, ape: Math.min(windows, n_coff) * ratio * width };
  },
});
