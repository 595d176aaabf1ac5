/** What the fusions behind attention's first projections are made of: each takes the parts that its layers have. */
import { op as compressPool } from "../compress/compress_pool.op.ts";
import { result, tap, type FusionPart } from "../fusion.ts";
import { op as hadamard } from "../index/hadamard.op.ts";
import { op as rmsnorm } from "../norm/rmsnorm.op.ts";
import { op as actQuantFp8 } from "../quant/act_quant_fp8.op.ts";
import { op as actQuantMxfp4 } from "../quant/act_quant_mxfp4.op.ts";
import { op as kvFp8Sim } from "../quant/kv_fp8_sim.op.ts";
import { op as rope } from "../rope/rope.op.ts";
import { t, type Dim } from "../schema.ts";

/** Eight channels a thread, at most 256 threads; two warps at least, so that a sum has a barrier. */
const threads = (least: number): string =>
  `max(${least}, min(256, 32 * ceil_div(max(q_lora, head_dim), 256)))`;
export const ROW_BLOCK = threads(64);
/** A thread pools four channels. */
export const POOL_BLOCK = threads(128);
export const LIMITS =
  "head_dim (at most 2048), n_nope and 2 n_freq (n_freq at most 256) are multiples of 8, kv_block is 8 times a power of two of at most 32";

interface Row {
  readonly n_row: Dim;
  readonly width: Dim;
  readonly pos: string;
}

const norm = (name: string, x: string, w: string, y: string, r: Row): FusionPart => ({
  name,
  op: rmsnorm,
  in: { x, w },
  scalars: { n_row: r.n_row, d_model: r.width, eps: "eps" },
  out: { y: tap(y, [r.n_row, r.width]) },
});
const turn = (name: string, x: string, y: string, r: Row): FusionPart => ({
  name,
  op: rope,
  in: { x, pos: r.pos, freq: "freq" },
  scalars: { n_row: r.n_row, n_head: 1, head_dim: r.width, n_freq: "n_freq", inverse: 0 },
  out: { y: tap(y, [r.n_row, r.width]) },
});
const keep = (name: string, x: string, y: string, r: Row): FusionPart => ({
  name,
  op: kvFp8Sim,
  in: { x },
  scalars: { n_row: r.n_row, head_dim: r.width, n_nope: "n_nope", block: "kv_block" },
  out: { y: result(y, [r.n_row, r.width]) },
});
/** Pooled, normed and turned entries of compressor `c`. */
const entries = (c: "main" | "index", r: Row): FusionPart[] => [
  {
    name: `${c}_pool`,
    op: compressPool,
    in: { kv: `${c}_kv`, gate: `${c}_gate`, ape: `${c}_ape` },
    scalars: {
      n_tok: "n_held",
      n_entry: r.n_row,
      ratio: "ratio",
      n_coff: "n_coff",
      width: r.width,
      tok0: "tok0",
      entry0: "entry0",
    },
    out: { v: tap(`${c}_pooled`, [r.n_row, r.width]) },
  },
  norm(`${c}_norm`, `${c}_pooled`, `${c}_w`, `${c}_normed`, r),
  turn(`${c}_rope`, `${c}_normed`, `${c}_turned`, r),
];
const inputs = <C extends "main" | "index", W extends Dim>(c: C, width: W) =>
  ({
    [`${c}_kv`]: t("f32", ["n_held", `n_coff*${width}`]),
    [`${c}_gate`]: t("f32", ["n_held", `n_coff*${width}`]),
    [`${c}_ape`]: t("f32", ["ratio", `n_coff*${width}`]),
    [`${c}_w`]: t("bf16", [width]),
  }) as { readonly [k in `${C}_${"kv" | "gate" | "ape" | "w"}`]: ReturnType<typeof t> };

/** The query's latent and the window's keys. */
export const qKv = {
  axes: {
    n_tok: "tokens",
    q_lora: "width of the query's latent",
    head_dim: "head width",
    n_freq: "rotated pairs",
  },
  attrs: { eps: "f32", q_block: "i32", floor: "f32", n_nope: "i32", kv_block: "i32" },
  in: {
    q_a: t("bf16", ["n_tok", "q_lora"]),
    q_w: t("bf16", ["q_lora"]),
    kv_a: t("bf16", ["n_tok", "head_dim"]),
    kv_w: t("bf16", ["head_dim"]),
    pos: t("i32", ["n_tok"]),
    freq: t("f32", ["n_freq"]),
  },
} as const;
const token: Row = { n_row: "n_tok", width: "head_dim", pos: "pos" };
export const qKvParts: readonly FusionPart[] = [
  norm("q_norm", "q_a", "q_w", "qr", { ...token, width: "q_lora" }),
  {
    name: "q_fp8",
    op: actQuantFp8,
    in: { x: "qr" },
    scalars: { M: "n_tok", K: "q_lora", block: "q_block", floor: "floor" },
    out: { q: result("q", ["n_tok", "q_lora"]), s: result("q_s", ["n_tok", "q_lora/q_block"]) },
  },
  norm("kv_norm", "kv_a", "kv_w", "kv_normed", token),
  turn("kv_rope", "kv_normed", "kv_turned", token),
  keep("kv", "kv_turned", "kv", token),
];

/** Compressed keys of attention. */
export const main = {
  axes: {
    n_held: "tokens whose projections the compressor holds",
    n_entry: "compressed entries",
    ratio: "tokens an entry stands for",
    n_coff: "halves of a compressor row",
  },
  attrs: { tok0: "i32", entry0: "i32" },
  in: { entry_pos: t("i32", ["n_entry"]), ...inputs("main", "head_dim") },
} as const;
const mainRow: Row = { n_row: "n_entry", width: "head_dim", pos: "entry_pos" };
export const mainParts: readonly FusionPart[] = [
  ...entries("main", mainRow),
  keep("main", "main_turned", "main", mainRow),
];

/** Compressed keys of the indexer. */
export const index = {
  axes: { index_dim: "head width of the indexer" },
  in: inputs("index", "index_dim"),
} as const;
const indexRow: Row = { n_row: "n_entry", width: "index_dim", pos: "entry_pos" };
export const indexParts: readonly FusionPart[] = [
  ...entries("index", indexRow),
  {
    name: "index_had",
    op: hadamard,
    in: { x: "index_turned" },
    scalars: { n_row: "n_entry", width: "index_dim" },
    out: { y: tap("index_had", ["n_entry", "index_dim"]) },
  },
  {
    name: "index",
    op: actQuantMxfp4,
    in: { x: "index_had" },
    scalars: { n_row: "n_entry", width: "index_dim" },
    out: {
      q: result("index_q", ["n_entry", "index_dim"]),
      s: result("index_s", ["n_entry", "index_dim/32"]),
    },
  },
];
