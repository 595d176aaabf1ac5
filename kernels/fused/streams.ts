/** Parts of the fusions between two sublayers, and what their declarations share. */
import { result, tap, type FusionPart } from "../fusion.ts";
import { op as hcCollapse } from "../mhc/hc_collapse.op.ts";
import { op as hcMix } from "../mhc/hc_mix.op.ts";
import { op as hcPost } from "../mhc/hc_post.op.ts";
import { op as hcSplit } from "../mhc/hc_split.op.ts";
import { op as moeCombine } from "../moe/moe_combine.op.ts";
import { op as rmsnorm } from "../norm/rmsnorm.op.ts";
import { op as actQuantFp8 } from "../quant/act_quant_fp8.op.ts";
import { t } from "../schema.ts";

export const STREAM_AXES = {
  n_tok: "tokens",
  hc: "hyper-connection streams: 4",
  d_model: "hidden size: a multiple of 8, at most 26624",
} as const;

export const NORM_AXES = { ...STREAM_AXES, n_mix: "rows of the projection: 24" } as const;
export const NORM_ATTRS = {
  eps: "f32",
  hc_eps: "f32",
  iters: "i32",
  block: "i32",
  floor: "f32",
} as const;
/** A CTA of the cluster has whole blocks of 128 channels, and these whole blocks of the quantiser. */
export const NORM_CONTRACT = "block is a power of two from 8 to 128";

/** Grid, block and cluster of everything that ends in a normed row. */
export const CLUSTER = {
  grid: ["plan::Streams(n_tok, d_model).n_tile * plan::Streams(n_tok, d_model).cluster"],
  block: "plan::Streams::THREADS",
  smem: "plan::Streams(n_tok, d_model).smem()",
  cluster: "plan::Streams(n_tok, d_model).cluster",
} as const;

const sizes = { n_tok: "n_tok", hc: "hc", d_model: "d_model" } as const;
const row = ["n_tok", "d_model"] as const;

/** Products of the streams with fn, over their RMS. */
export const mixPart = (x: string, n_mix: string): FusionPart => ({
  name: "mix",
  op: hcMix,
  in: { x, fn: "fn" },
  scalars: { ...sizes, n_mix, eps: "eps" },
  out: { mix: tap("mix", ["n_tok", n_mix]) },
});

/** The streams' weighted sum, normed. */
export const collapseParts = (x: string): FusionPart[] => [
  {
    name: "collapse",
    op: hcCollapse,
    in: { pre: "pre", x },
    scalars: sizes,
    out: { y: tap("collapsed", row) },
  },
  {
    name: "norm",
    op: rmsnorm,
    in: { x: "collapsed", w: "w" },
    scalars: { n_row: "n_tok", d_model: "d_model", eps: "eps" },
    out: { y: result("y", row) },
  },
];

export const NORM_IN = {
  fn: t("f32", ["n_mix", "hc*d_model"]),
  scale: t("f32", ["3"]),
  base: t("f32", ["n_mix"]),
  w: t("bf16", ["d_model"]),
} as const;

/** What lies before a sublayer that takes the streams `x`. */
export const normParts = (x: string): FusionPart[] => [
  mixPart(x, "n_mix"),
  {
    name: "split",
    op: hcSplit,
    in: { mix: "mix", scale: "scale", base: "base" },
    scalars: { n_tok: "n_tok", hc: "hc", n_mix: "n_mix", eps: "hc_eps", iters: "iters" },
    out: {
      pre: tap("pre", ["n_tok", "hc"]),
      post: result("post", ["n_tok", "hc"]),
      comb: result("comb", ["n_tok", "hc", "hc"]),
    },
  },
  ...collapseParts(x),
  {
    name: "quant",
    op: actQuantFp8,
    in: { x: "y" },
    scalars: { M: "n_tok", K: "d_model", block: "block", floor: "floor" },
    out: { q: result("q", row), s: result("s", ["n_tok", "d_model/block"]) },
  },
];

export const POST_IN = {
  x: t("bf16", ["n_tok", "hc", "d_model"]),
  post_in: t("f32", ["n_tok", "hc"]),
  comb_in: t("f32", ["n_tok", "hc", "hc"]),
} as const;

/** A sublayer's output `z` put back into the streams. */
export const POST_PART: FusionPart = {
  name: "post",
  op: hcPost,
  in: { z: "z", x: "x", post: "post_in", comb: "comb_in" },
  scalars: sizes,
  out: { y: result("streams", ["n_tok", "hc", "d_model"]) },
};

export const COMBINE_AXES = { n_act: "experts per token", n_row: "rows" } as const;
export const COMBINE_IN = {
  routed: t("bf16", ["n_row", "d_model"]),
  slot_row: t("i32", ["n_tok", "n_act"]),
  shared: t("bf16", row),
} as const;

/** The experts' outputs added. */
export const COMBINE_PART: FusionPart = {
  name: "combine",
  op: moeCombine,
  in: { routed: "routed", slot_row: "slot_row", shared: "shared" },
  scalars: { n_tok: "n_tok", n_act: "n_act", n_row: "n_row", d_model: "d_model" },
  out: { z: tap("z", row) },
};
