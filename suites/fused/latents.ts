/** Inputs of the fusions behind attention's first projections. */
import type { Inputs } from "../../harness/suite.ts";
import { values } from "../../oracle/num/index.ts";
import type { Tensor } from "../../oracle/tensor.ts";
import { POSITIONS, yarnFreq } from "../rope/positions.ts";

export interface QKv {
  readonly n_tok: number;
  readonly q_lora: number;
  readonly head_dim: number;
  readonly n_freq: number;
  readonly q_block?: number;
  readonly kv_block?: number;
  /** Channels that the cache's format takes; those that are not turned where it is not given. */
  readonly n_nope?: number;
  readonly eps?: number;
}

export interface Entries {
  readonly ratio: number;
  readonly n_coff: 1 | 2;
  /** First token that the compressor holds, tokens that it holds, first entry, entries. */
  readonly tok0: number;
  readonly n_held: number;
  readonly entry0: number;
  readonly n_entry: number;
}

/** The model's heads: flash and pro differ in the width of the query's latent. */
export const MINI = { q_lora: 256, head_dim: 512, n_freq: 32 } as const;
export const FLASH = { ...MINI, q_lora: 1024 } as const;
export const PRO = { ...MINI, q_lora: 1536 } as const;
export const CSA = { ratio: 4, n_coff: 2 } as const;
export const HCA = { ratio: 128, n_coff: 1 } as const;

export const qKvAttrs = (s: QKv) => ({
  eps: s.eps ?? 1e-6,
  q_block: s.q_block ?? 128,
  floor: 1e-4,
  n_nope: s.n_nope ?? s.head_dim - 2 * s.n_freq,
  kv_block: s.kv_block ?? 64,
});
export const entryAttrs = ({ n_coff, tok0, entry0 }: Entries) => ({ n_coff, tok0, entry0 });

// real norm weights are small and have both signs
const weight = (g: Inputs, width: number) => g.normal("bf16", [width], { std: 0.03 });

export const qKvInputs = (g: Inputs, s: QKv) => ({
  q_a: g.heavy("bf16", [s.n_tok, s.q_lora]),
  q_w: weight(g, s.q_lora),
  kv_a: g.heavy("bf16", [s.n_tok, s.head_dim]),
  kv_w: weight(g, s.head_dim),
  pos: g.from("i32", [s.n_tok], (i) => POSITIONS[(i + 3) % POSITIONS.length]),
  freq: yarnFreq(s.n_freq),
});

/** Halves of kv have means of their own: an exchanged half or a lost window moves the mean. */
const compressor = (g: Inputs, e: Entries, width: number) => {
  const cols = e.n_coff * width;
  return {
    kv: g.from("f32", [e.n_held, cols], (i) => (i % cols < width ? -0.5 : 0.7) + 2 * g.random() - 1),
    gate: g.normal("f32", [e.n_held, cols]),
    ape: g.normal("f32", [e.ratio, cols]),
    w: weight(g, width),
  };
};

export function mainInputs(g: Inputs, e: Entries, head_dim: number) {
  const { kv, gate, ape, w } = compressor(g, e, head_dim);
  return {
    // an entry sits at the position of its window's first token
    entry_pos: g.from("i32", [e.n_entry], (i) => (e.entry0 + i) * e.ratio),
    main_kv: kv,
    main_gate: gate,
    main_ape: ape,
    main_w: w,
  };
}

export function indexInputs(g: Inputs, e: Entries, index_dim: number) {
  const { kv, gate, ape, w } = compressor(g, e, index_dim);
  return { index_kv: kv, index_gate: gate, index_ape: ape, index_w: w };
}

/** `x` bf16 with the rows of which float32 holds no sum of squares made 0: a norm has nothing to say there. */
export function withinNorms(g: Inputs, x: Tensor): Tensor {
  const [v, cols] = [values(x), x.shape[1]];
  const squares = (row: number): number =>
    v.subarray(row * cols, (row + 1) * cols).reduce((sum, c) => sum + c * c, 0);
  return g.from("bf16", x.shape, (i) => (squares(Math.floor(i / cols)) < 2 ** 126 ? v[i] : 0));
}
