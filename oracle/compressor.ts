/** Compressed keys: the compressor's recurrence, and the indexer that selects among them. */
import { op as compressPool } from "../kernels/compress/compress_pool.op.ts";
import { op as hadamard } from "../kernels/index/hadamard.op.ts";
import { op as indexScores } from "../kernels/index/index_scores.op.ts";
import { op as indexTopk } from "../kernels/index/index_topk.op.ts";
import { op as linearBf16 } from "../kernels/linear/linear_bf16.op.ts";
import { op as linearF32 } from "../kernels/linear/linear_f32.op.ts";
import { op as rmsnorm } from "../kernels/norm/rmsnorm.op.ts";
import { op as actQuantMxfp4 } from "../kernels/quant/act_quant_mxfp4.op.ts";
import { op as kvFp8Sim } from "../kernels/quant/kv_fp8_sim.op.ts";
import { op as rope } from "../kernels/rope/rope.op.ts";
import type { LayerKind } from "./config.ts";
import { linearFp8, type Ctx, type Quantised } from "./context.ts";
import { concatRows, i32, lastRows, view, type Tensor } from "./tensor.ts";

/** What a compressor carries between calls: rows that later entries still need, and the entries so far. */
export interface CompressorState<Entries> {
  readonly kv: Tensor | null; // f32 [rows, n_coff * width], rows from token tok0 on
  readonly gate: Tensor | null;
  readonly tok0: number;
  readonly entries: Entries | null;
}

/** Codes e2m1 [rows, width] and their scales ue8m0 [rows, width / 32]. */
export interface Mxfp4 {
  readonly q: Tensor;
  readonly s: Tensor;
}

/** Entries of the attention itself are values [n_entry, head_dim], those of the indexer stay FP4. */
export type MainState = CompressorState<Tensor>;
export type IndexState = CompressorState<Mxfp4>;

export const emptyCompressor = { kv: null, gate: null, tok0: 0, entries: null } as const;

export interface Compressed {
  readonly main: MainState;
  readonly index: IndexState;
  /** All entries of this layer so far, null when there is none. */
  readonly entries: Tensor | null;
  /** CSA: i32 [n_tok, topk] selection; null means every visible entry. */
  readonly idx: Tensor | null;
}

/** Spreads outliers over the channels of indexer queries and keys alike. */
const rotate = async (c: Ctx, site: string, x: Tensor): Promise<Tensor> =>
  c.cfg.index_rotate ? (await c.call(hadamard, site, { x })).y : x;

/** Runs a compressor over the new tokens `y`; `append` stores the entries [n, width] whose windows are now complete. */
async function compress<Entries>(
  c: Ctx,
  site: "attn.compressor" | "attn.indexer.compressor",
  kind: LayerKind,
  y: Tensor,
  pos0: number,
  state: CompressorState<Entries>,
  append: (entries: Entries | null, x: Tensor) => Promise<Entries>,
): Promise<CompressorState<Entries>> {
  const { cfg } = c;
  const w = (part: string): Tensor => c.w.get(`${c.prefix}${site}.${part}`);
  const n_coff = kind.kind === "csa" ? 2 : 1;
  const width = site === "attn.compressor" ? cfg.head_dim : cfg.index_dim;
  const kv = concatRows(state.kv, (await c.call(linearF32, `${site}.kv`, { a: y, w: w("wkv.weight") })).y);
  const gate = concatRows(
    state.gate,
    (await c.call(linearF32, `${site}.gate`, { a: y, w: w("wgate.weight") })).y,
  );

  const done = Math.floor(pos0 / kind.ratio);
  const total = Math.floor((pos0 + y.shape[0]) / kind.ratio);
  const n = total - done;
  let entries = state.entries;
  if (n > 0) {
    const { v } = await c.call(
      compressPool,
      `${site}.pooled`,
      { kv, gate, ape: w("ape") },
      { n_entry: n, ratio: kind.ratio, n_coff, width, tok0: state.tok0, entry0: done },
    );
    const normed = (await c.call(rmsnorm, `${site}.norm`, { x: v, w: w("norm.weight") }, { eps: cfg.eps })).y;
    // an entry sits at the position of its window's first token
    const pos = i32(Array.from({ length: n }, (_, i) => (done + i) * kind.ratio));
    const r = await c.call(
      rope,
      `${site}.rope`,
      { x: view(normed, [n, 1, width]), pos, freq: c.freq(kind) },
      { inverse: 0 },
    );
    entries = await append(entries, view(r.y, [n, width]));
  }
  const keepFrom = Math.max(0, n_coff === 2 ? total - 1 : total) * kind.ratio;
  const keep = pos0 + y.shape[0] - keepFrom;
  return { kv: lastRows(kv, keep), gate: lastRows(gate, keep), tok0: keepFrom, entries };
}

/** Keys of the attention itself: e4m3 round trip of the channels that are not rotated. */
const compressMain = (c: Ctx, kind: LayerKind, y: Tensor, pos0: number, state: MainState) =>
  compress(c, "attn.compressor", kind, y, pos0, state, async (entries, x) => {
    const attrs = { n_nope: c.cfg.head_dim - c.cfg.rope_dim, block: 64 };
    return concatRows(entries, (await c.call(kvFp8Sim, "attn.compressor.entry", { x }, attrs)).y);
  });

/** Keys of the indexer, in FP4. */
const compressIndex = (c: Ctx, kind: LayerKind, y: Tensor, pos0: number, state: IndexState) =>
  compress(c, "attn.indexer.compressor", kind, y, pos0, state, async (entries, x) => {
    const had = await rotate(c, "attn.indexer.compressor.had", x);
    const { q, s } = await c.call(actQuantMxfp4, "attn.indexer.compressor.entry", { x: had });
    return { q: concatRows(entries && entries.q, q), s: concatRows(entries && entries.s, s) };
  });

/** Query side of the indexer, scores and selection. `qr` is the quantised q latent, `keys` n_entry rows of index_dim. */
async function select(
  c: Ctx,
  kind: LayerKind,
  y: Tensor,
  qr: Quantised,
  keys: Mxfp4,
  pos: Tensor,
): Promise<Tensor> {
  const { cfg } = c;
  const n_tok = y.shape[0];
  const shape = [n_tok, cfg.index_n_head, cfg.index_dim];
  const rows = [n_tok * cfg.index_n_head, cfg.index_dim];
  const qB = await linearFp8(c, "attn.indexer.q_b", qr, "attn.indexer.wq_b");
  const qR = await c.call(
    rope,
    "attn.indexer.q_rope",
    { x: view(qB, shape), pos, freq: c.freq(kind) },
    { inverse: 0 },
  );
  const had = await rotate(c, "attn.indexer.q_had", view(qR.y, rows));
  const { q, s: q_s } = await c.call(actQuantMxfp4, "attn.indexer.q", { x: had });
  const { y: w } = await c.call(linearBf16, "attn.indexer.weights", {
    a: y,
    w: c.w.get(`${c.prefix}attn.indexer.weights_proj.weight`),
  });
  const { s } = await c.call(
    indexScores,
    "attn.indexer.scores",
    {
      q: view(q, shape),
      q_s: view(q_s, [n_tok, cfg.index_n_head, q_s.shape[1]]),
      k: keys.q,
      k_s: keys.s,
      w,
    },
    { scale: cfg.index_dim ** -0.5 * cfg.index_n_head ** -0.5 },
  );
  const topk = Math.min(cfg.index_topk, keys.q.shape[0]);
  return (await c.call(indexTopk, "attn.indexer.topk", { s, pos }, { topk, ratio: kind.ratio })).idx;
}

/** Everything that a layer's queries may attend to beyond the window. */
export async function attendCompressed(
  c: Ctx,
  kind: LayerKind,
  y: Tensor,
  qr: Quantised,
  pos: Tensor,
  pos0: number,
  state: { readonly main: MainState; readonly index: IndexState },
): Promise<Compressed> {
  if (kind.kind === "swa") return { main: state.main, index: state.index, entries: null, idx: null };
  const main = await compressMain(c, kind, y, pos0, state.main);
  if (kind.kind === "hca") return { main, index: state.index, entries: main.entries, idx: null };
  const index = await compressIndex(c, kind, y, pos0, state.index);
  const idx = index.entries ? await select(c, kind, y, qr, index.entries, pos) : null;
  return { main, index, entries: main.entries, idx };
}
