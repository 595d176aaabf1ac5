/**
 * The model as a composition of ops over an abstract executor, with the taps' names. One function serves a whole prompt, chunks
 * and single tokens: what a call must know of earlier tokens is in `LayerState`, nowhere else.
 *
 * Source: DeepSeek-V4 inference/model.py (Block, Attention, Compressor, Indexer, MoE, MTPBlock).
 */
import { op as keyList } from "../kernels/attention/key_list.op.ts";
import { op as sparseAttention } from "../kernels/attention/sparse_attention.op.ts";
import { op as embed } from "../kernels/head/embed.op.ts";
import { op as linearF32 } from "../kernels/linear/linear_f32.op.ts";
import { op as hcCollapse } from "../kernels/mhc/hc_collapse.op.ts";
import { op as hcHeadSplit } from "../kernels/mhc/hc_head_split.op.ts";
import { op as hcMix } from "../kernels/mhc/hc_mix.op.ts";
import { op as hcPost } from "../kernels/mhc/hc_post.op.ts";
import { op as hcSplit } from "../kernels/mhc/hc_split.op.ts";
import { op as mtpFuse } from "../kernels/mtp/mtp_fuse.op.ts";
import { op as rmsnorm } from "../kernels/norm/rmsnorm.op.ts";
import { op as groupedLinear } from "../kernels/linear/grouped_linear_fp8w.op.ts";
import { op as kvFp8Sim } from "../kernels/quant/kv_fp8_sim.op.ts";
import { op as sample } from "../kernels/sample/sample.op.ts";
import { op as qNormRope } from "../kernels/rope/q_norm_rope.op.ts";
import { op as rope } from "../kernels/rope/rope.op.ts";
import { attendCompressed, emptyCompressor, type IndexState, type MainState } from "./compressor.ts";
import type { LayerKind } from "./config.ts";
import { linearFp8, quantiseFp8, type Ctx } from "./context.ts";
import { moe } from "./moe.ts";
import { concatRows, i32, lastRows, view, type Tensor } from "./tensor.ts";

/** State of one layer of one sequence between calls. */
export interface LayerState {
  /** The last (at most window - 1) rows of post-RoPE, post-quantisation KV; null before the first token. */
  readonly kv: Tensor | null;
  readonly main: MainState;
  readonly index: IndexState;
}

export const emptyState = (): LayerState => ({ kv: null, main: emptyCompressor, index: emptyCompressor });

export interface Tokens {
  /** i32 [n_tok] */
  readonly ids: Tensor;
  /** Absolute position of the first token. */
  readonly pos0: number;
}

interface Collapsed {
  readonly y: Tensor; // [n_tok, d_model]
  readonly post: Tensor; // [n_tok, hc]
  readonly comb: Tensor; // [n_tok, hc, hc]
}

/** Streams -> one vector a token, and what puts it back (`hc_<which>_{fn,base,scale}`). */
async function hcPre(c: Ctx, which: "attn" | "ffn", x: Tensor): Promise<Collapsed> {
  const { cfg } = c;
  const w = (part: string): Tensor => c.w.get(`${c.prefix}hc_${which}_${part}`);
  const { mix } = await c.call(hcMix, `${which}_hc.mix`, { x, fn: w("fn") }, { eps: cfg.eps });
  const { pre, post, comb } = await c.call(
    hcSplit,
    `${which}_hc`,
    { mix, scale: w("scale"), base: w("base") },
    { hc: cfg.hc, eps: cfg.hc_eps, iters: cfg.hc_iters },
  );
  const { y } = await c.call(hcCollapse, `${which}_hc.collapsed`, { pre, x });
  return { y, post, comb };
}

const norm = async (c: Ctx, site: string, x: Tensor, weight: string): Promise<Tensor> =>
  (await c.call(rmsnorm, site, { x, w: c.w.get(c.prefix + weight) }, { eps: c.cfg.eps })).y;

/** Attention of one layer: window plus compressed keys. `y` [n_tok, d_model] is the normed input. */
async function attention(
  c: Ctx,
  kind: LayerKind,
  y: Tensor,
  pos0: number,
  state: LayerState,
): Promise<[Tensor, LayerState]> {
  const { cfg } = c;
  const n_tok = y.shape[0];
  const pos = i32(Array.from({ length: n_tok }, (_, i) => pos0 + i));
  const freq = c.freq(kind);

  const yQ = await quantiseFp8(c, "attn.y_fp8", y);
  const qA = await linearFp8(c, "attn.q_a", yQ, "attn.wq_a");
  const qr = await norm(c, "attn.q_norm", qA, "attn.q_norm.weight");
  const qrQ = await quantiseFp8(c, "attn.qr_fp8", qr);
  const qB = await linearFp8(c, "attn.q_b", qrQ, "attn.wq_b");
  const { y: q } = await c.call(
    qNormRope,
    "attn.q",
    { q: view(qB, [n_tok, cfg.n_head, cfg.head_dim]), pos, freq },
    { eps: cfg.eps },
  );

  const kvA = await linearFp8(c, "attn.kv_a", yQ, "attn.wkv");
  const kvN = await norm(c, "attn.kv_norm", kvA, "attn.kv_norm.weight");
  const kvR = await c.call(
    rope,
    "attn.kv_rope",
    { x: view(kvN, [n_tok, 1, cfg.head_dim]), pos, freq },
    { inverse: 0 },
  );
  const { y: kvNew } = await c.call(
    kvFp8Sim,
    "attn.kv",
    { x: view(kvR.y, [n_tok, cfg.head_dim]) },
    { n_nope: cfg.head_dim - cfg.rope_dim, block: 64 },
  );
  const kv = concatRows(state.kv, kvNew);
  const raw0 = pos0 + n_tok - kv.shape[0];

  const comp = await attendCompressed(c, kind, y, qrQ, pos, pos0, state);
  const n_entry = comp.entries?.shape[0] ?? 0;
  const { idx } = await c.call(
    keyList,
    "attn.keys",
    { pos, ...(comp.idx ? { comp: comp.idx } : {}) },
    {
      n_comp: comp.idx ? comp.idx.shape[1] : n_entry,
      window: cfg.window,
      ratio: kind.ratio,
      n_raw: kv.shape[0],
      n_entry,
      raw0,
    },
  );
  const { o } = await c.call(
    sparseAttention,
    "attn.core",
    {
      q,
      kv: comp.entries ? concatRows(kv, comp.entries) : kv,
      idx,
      sink: c.w.get(`${c.prefix}attn.attn_sink`),
    },
    { scale: cfg.head_dim ** -0.5 },
  );

  const { y: oR } = await c.call(rope, "attn.derope", { x: o, pos, freq }, { inverse: 1 });
  const { y: u } = await c.call(
    groupedLinear,
    "attn.o_a",
    {
      a: view(oR, [n_tok, cfg.n_group, (cfg.n_head / cfg.n_group) * cfg.head_dim]),
      w: c.w.get(`${c.prefix}attn.wo_a.weight`),
      w_s: c.w.get(`${c.prefix}attn.wo_a.scale`),
    },
    { N: cfg.o_lora },
  );
  const uQ = await quantiseFp8(c, "attn.o_fp8", view(u, [n_tok, cfg.n_group * cfg.o_lora]));
  const z = await linearFp8(c, "attn.o_b", uQ, "attn.wo_b");
  return [z, { kv: lastRows(kv, cfg.window - 1), main: comp.main, index: comp.index }];
}

/**
 * One block. `x` [n_tok, hc, d_model] -> the same shape, and the state after these tokens. `c.prefix` is `layers.N.` or `mtp.0.`.
 */
export async function block(
  c: Ctx,
  kind: LayerKind,
  x: Tensor,
  tok: Tokens,
  state: LayerState,
): Promise<[Tensor, LayerState]> {
  const a = await hcPre(c, "attn", x);
  const y = await norm(c, "attn_norm", a.y, "attn_norm.weight");
  const [z, next] = await attention(c, kind, y, tok.pos0, state);
  const mid = (await c.call(hcPost, "attn_post", { z, x, post: a.post, comb: a.comb })).y;

  const f = await hcPre(c, "ffn", mid);
  const g = await norm(c, "ffn_norm", f.y, "ffn_norm.weight");
  const m = await moe(c, kind, g, tok.ids);
  const { y: output } = await c.call(hcPost, "output", { z: m, x: mid, post: f.post, comb: f.comb });
  return [output, next];
}

/** Token ids i32 [n_tok] -> streams [n_tok, hc, d_model]; every stream is the token's embedding. */
export const embedTokens = async (c: Ctx, ids: Tensor): Promise<Tensor> =>
  (await c.call(embed, "embed", { tok: ids, table: c.w.get("embed.weight") }, { hc: c.cfg.hc })).x;

/** Streams -> logits f32 [n_tok, vocab]. With `c.prefix` `mtp.0.` the MTP block's own collapse and norm are used. */
export async function head(c: Ctx, x: Tensor): Promise<Tensor> {
  const { cfg } = c;
  const { mix } = await c.call(
    hcMix,
    "hc_head.mix",
    { x, fn: c.w.get(`${c.prefix}hc_head_fn`) },
    { eps: cfg.eps },
  );
  const { pre } = await c.call(
    hcHeadSplit,
    "hc_head.pre",
    { mix, scale: c.w.get(`${c.prefix}hc_head_scale`), base: c.w.get(`${c.prefix}hc_head_base`) },
    { eps: cfg.hc_eps },
  );
  const { y: h } = await c.call(hcCollapse, "hc_head", { pre, x });
  const n = await norm(c, "final_norm", h, "norm.weight");
  return (await c.call(linearF32, "logits", { a: n, w: c.w.get("head.weight") })).y;
}

/**
 * MTP block: `x` is the main model's last state [n_tok, hc, d_model] (before hc_head), `nextIds` the following tokens.
 * Returns the block's own state [n_tok, hc, d_model]; `head` turns it into logits.
 */
export async function mtpBlock(
  c: Ctx,
  x: Tensor,
  nextIds: Tensor,
  pos0: number,
  state: LayerState,
): Promise<[Tensor, LayerState]> {
  const { cfg } = c;
  const n_tok = nextIds.shape[0];
  const one = await c.call(embed, "embed", { tok: nextIds, table: c.w.get("embed.weight") }, { hc: 1 });
  const e = await norm(c, "enorm", view(one.x, [n_tok, cfg.d_model]), "enorm.weight");
  const h = await norm(c, "hnorm", view(x, [n_tok * cfg.hc, cfg.d_model]), "hnorm.weight");
  const eP = await linearFp8(c, "e_proj", await quantiseFp8(c, "e_fp8", e), "e_proj");
  const hP = await linearFp8(c, "h_proj", await quantiseFp8(c, "h_fp8", h), "h_proj");
  const fused = await c.call(mtpFuse, "fuse", { e: eP, h: view(hP, [n_tok, cfg.hc, cfg.d_model]) });
  return block(c, cfg.layers[cfg.n_layer], fused.x, { ids: nextIds, pos0 }, state);
}

export interface Sampling {
  readonly temperature: number;
  readonly top_p: number;
  readonly seed: number;
}

/** Next token ids i32 [n_tok] at each of the positions pos0, pos0 + 1, ... */
export const sampleNext = async (c: Ctx, logits: Tensor, pos0: number, how: Sampling): Promise<Tensor> => {
  const pos = i32(Array.from({ length: logits.shape[0] }, (_, i) => pos0 + i));
  return (await c.call(sample, "sample", { logits, pos }, { ...how })).id;
};
