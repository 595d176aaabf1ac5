import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/q_kv_norm.op.ts";
import { fp8Corners } from "../quant/corners.ts";
import { FLASH, MINI, PRO, qKvAttrs, qKvInputs, withinNorms, type QKv } from "./latents.ts";

type C = Case<typeof op>;

const rows = (name: string, s: QKv, bench?: true): C => ({
  name,
  ...(bench && { bench }),
  attrs: qKvAttrs(s),
  make: (g) => qKvInputs(g, s),
});

/** The norm leaves a row of two sizes as it is, up to one factor: what the quantisers must place exactly, behind a norm. */
const corners = (name: string, s: QKv): C => ({
  name,
  attrs: qKvAttrs(s),
  make: (g) => ({
    ...qKvInputs(g, s),
    q_a: withinNorms(g, fp8Corners(g, s.q_lora, s.q_block ?? 128)),
    kv_a: withinNorms(g, fp8Corners(g, s.head_dim, s.kv_block ?? 64)),
    q_w: g.from("bf16", [s.q_lora], () => 1),
    kv_w: g.from("bf16", [s.head_dim], () => 1),
  }),
});

export default suite(op, [
  rows("model.mini", { ...MINI, n_tok: 13 }, true),
  rows("model.flash", { ...FLASH, n_tok: 8 }, true),
  rows("model.pro", { ...PRO, n_tok: 1 }, true),

  // a short last block of codes, one warp, rows of a latent off the 16-byte grid and wider than a CTA's 2048 channels
  rows("q_lora=200", { n_tok: 3, q_lora: 200, head_dim: 64, n_freq: 8 }),
  rows("q_lora=131", { n_tok: 2, q_lora: 131, head_dim: 128, n_freq: 32 }),
  rows("q_lora=2056", { n_tok: 2, q_lora: 2056, head_dim: 72, n_freq: 4 }),
  rows("q_block=32", { n_tok: 2, q_lora: 96, head_dim: 256, n_freq: 64, q_block: 32, kv_block: 32 }),
  // all channels turned, none in the cache's format; the widest row; turned channels in the format too; a short last block beside others
  rows("head_dim=64.n_freq=32", { n_tok: 5, q_lora: 128, head_dim: 64, n_freq: 32 }),
  rows("head_dim=2048", { n_tok: 1, q_lora: 64, head_dim: 2048, n_freq: 256 }),
  rows("n_nope=head_dim", { n_tok: 2, q_lora: 64, head_dim: 256, n_freq: 16, n_nope: 256 }),
  rows("n_nope=136", { n_tok: 4, q_lora: 64, head_dim: 192, n_freq: 28, n_nope: 136 }),
  rows("kv_block=256", { n_tok: 2, q_lora: 64, head_dim: 600, n_freq: 4, n_nope: 520, kv_block: 256 }),
  rows("eps.dominates", { n_tok: 2, q_lora: 384, head_dim: 512, n_freq: 32, eps: 1e6 }),

  corners("corners", { n_tok: 12, q_lora: 256, head_dim: 512, n_freq: 32 }),
  {
    // rows of zeros, and rows below the scales' floors
    name: "floor",
    attrs: qKvAttrs({ ...MINI, n_tok: 4, eps: 1 }),
    make: (g) => ({
      ...qKvInputs(g, { ...MINI, n_tok: 4 }),
      q_a: g.from("bf16", [4, 256], (i) => (i < 256 ? 0 : ((i % 7) - 3) * 2 ** -(i >> 6))),
      kv_a: g.from("bf16", [4, 512], (i) => (i < 512 ? 0 : ((i % 5) - 2) * 2 ** -(i >> 7))),
    }),
  },
]);
