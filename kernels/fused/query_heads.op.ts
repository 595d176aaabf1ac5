import { defineFusion, result, tap } from "../fusion.ts";
import { op as hadamard } from "../index/hadamard.op.ts";
import { op as actQuantMxfp4 } from "../quant/act_quant_mxfp4.op.ts";
import { op as qNormRope } from "../rope/q_norm_rope.op.ts";
import { op as rope } from "../rope/rope.op.ts";
import { t } from "../schema.ts";

const rows = "n_tok*index_n_head";

export const op = defineFusion({
  name: "query_heads",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Attention.forward: q *= rsqrt(mean(q^2) + eps), apply_rotary_emb; Indexer.forward: apply_rotary_emb, rotate_activation, fp4_act_quant",
  axes: {
    n_tok: "tokens",
    n_head: "heads",
    head_dim: "head width",
    index_n_head: "heads of the indexer",
    index_dim: "head width of the indexer",
    n_freq: "rotated pairs",
  },
  attrs: { eps: "f32" },
  in: {
    q_b: t("bf16", ["n_tok", "n_head", "head_dim"]),
    index_b: t("bf16", ["n_tok", "index_n_head", "index_dim"]),
    pos: t("i32", ["n_tok"]),
    freq: t("f32", ["n_freq"]),
  },
  parts: [
    {
      name: "q",
      op: qNormRope,
      in: { q: "q_b", pos: "pos", freq: "freq" },
      scalars: { n_tok: "n_tok", n_head: "n_head", head_dim: "head_dim", n_freq: "n_freq", eps: "eps" },
      out: { y: result("q", ["n_tok", "n_head", "head_dim"]) },
    },
    {
      name: "index_rope",
      op: rope,
      in: { x: "index_b", pos: "pos", freq: "freq" },
      scalars: {
        n_row: "n_tok",
        n_head: "index_n_head",
        head_dim: "index_dim",
        n_freq: "n_freq",
        inverse: 0,
      },
      out: { y: tap("index_turned", ["n_tok", "index_n_head", "index_dim"]) },
    },
    {
      name: "index_had",
      op: hadamard,
      in: { x: "index_turned" },
      scalars: { n_row: rows, width: "index_dim" },
      out: { y: tap("index_had", [rows, "index_dim"]) },
    },
    {
      name: "index",
      op: actQuantMxfp4,
      in: { x: "index_had" },
      scalars: { n_row: rows, width: "index_dim" },
      out: { q: result("index_q", [rows, "index_dim"]), s: result("index_s", [rows, "index_dim/32"]) },
    },
  ],
  contract:
    "index_dim is a power of two of at least 32 and at most 256, n_freq a multiple of 4 of at most index_dim / 2",
  launch: {
    grid: ["n_tok", "ceil_div(n_head, 8) + ceil_div(index_n_head, 8)"],
    block: 128,
    smem: "8 * n_freq",
  },
});
