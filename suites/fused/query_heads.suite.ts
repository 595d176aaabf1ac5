import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/query_heads.op.ts";
import { fp4Corners } from "../quant/corners.ts";
import { plainFreq, POSITIONS, yarnFreq } from "../rope/positions.ts";
import { withinNorms } from "./latents.ts";

type C = Case<typeof op>;
const attrs = { eps: 1e-6 };

interface Heads {
  readonly n_tok: number;
  readonly n_head: number;
  readonly head_dim: number;
  readonly index_n_head: number;
  readonly index_dim: number;
  readonly n_freq: number;
}

const heads = (name: string, s: Heads, freq: typeof plainFreq, bench?: true): C => ({
  name,
  ...(bench && { bench }),
  attrs,
  make: (g) => ({
    q_b: g.heavy("bf16", [s.n_tok, s.n_head, s.head_dim]),
    index_b: g.heavy("bf16", [s.n_tok, s.index_n_head, s.index_dim]),
    pos: g.from("i32", [s.n_tok], (i) => POSITIONS[(i + 3) % POSITIONS.length]),
    freq: freq(s.n_freq),
  }),
});
const MODEL = { head_dim: 512, index_dim: 128, n_freq: 32 } as const;

export default suite(op, [
  heads("model.mini", { ...MODEL, n_tok: 11, n_head: 4, index_n_head: 8 }, yarnFreq, true),
  heads("model.flash", { ...MODEL, n_tok: 8, n_head: 64, index_n_head: 64 }, yarnFreq, true),
  heads("model.pro", { ...MODEL, n_tok: 1, n_head: 128, index_n_head: 64 }, yarnFreq, true),

  // heads around a CTA's eight, on either side
  heads("heads=7+9", { ...MODEL, n_tok: 2, n_head: 7, index_n_head: 9 }, plainFreq),
  heads("heads=9+7", { ...MODEL, n_tok: 2, n_head: 9, index_n_head: 7 }, plainFreq),
  heads(
    "heads=1+1",
    { n_tok: 3, n_head: 1, head_dim: 64, index_n_head: 1, index_dim: 64, n_freq: 32 },
    plainFreq,
  ),
  // one block of codes a head, two rounds of a CTA, heads of attention off the 16-byte grid
  heads(
    "index_dim=32",
    { n_tok: 2, n_head: 2, head_dim: 96, index_n_head: 11, index_dim: 32, n_freq: 16 },
    plainFreq,
  ),
  heads(
    "index_dim=256",
    { n_tok: 2, n_head: 3, head_dim: 264, index_n_head: 10, index_dim: 256, n_freq: 4 },
    yarnFreq,
  ),
  heads(
    "head_dim=67",
    { n_tok: 2, n_head: 11, head_dim: 67, index_n_head: 3, index_dim: 128, n_freq: 12 },
    plainFreq,
  ),
  {
    // rows made for the quantiser, behind its transform; at position 0 nothing is turned
    name: "corners",
    attrs,
    make: (g) => ({
      q_b: g.normal("bf16", [11, 1, 64], { std: 1e-3 }),
      index_b: { ...withinNorms(g, fp4Corners(g, 128, 32)), shape: [11, 1, 128] },
      pos: g.from("i32", [11], () => 0),
      freq: plainFreq(32),
    }),
  },
]);
