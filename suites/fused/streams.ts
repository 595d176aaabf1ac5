/** Inputs of the fusions between two sublayers, four streams each, and the cases that they share. */
import type { Inputs } from "../../harness/suite.ts";
import { streams } from "../mhc/streams.ts";

const HC = 4;
const N_MIX = (2 + HC) * HC;
export const attrs = { eps: 1e-6, hc_eps: 1e-6, iters: 20, block: 128, floor: 1e-4 };
export const headAttrs = { eps: 1e-6, hc_eps: 1e-6 };

const norm = (g: Inputs, d_model: number, n_mix: number, n_scale: number) => ({
  fn: g.normal("f32", [n_mix, HC * d_model], { std: 0.02 }),
  scale: g.from("f32", [n_scale], (i) => [0.5, 1.5, 1][i]),
  base: g.normal("f32", [n_mix], { std: 0.5 }),
  // real norm weights are small and have both signs
  w: g.normal("bf16", [d_model], { std: 0.03 }),
});
/** What makes a sublayer's input out of streams. */
export const toNorm = (g: Inputs, d_model: number) => norm(g, d_model, N_MIX, 3);
export const toHead = (g: Inputs, d_model: number) => norm(g, d_model, HC, 1);

export const entering = (g: Inputs, n_tok: number, d_model: number) => ({
  x: streams(g, n_tok, HC, d_model),
});

/** What hc_post takes beside the sublayer's output; a matrix as Sinkhorn gives it has rows and columns that sum to 1. */
export const toPost = (g: Inputs, n_tok: number, d_model: number) => ({
  ...entering(g, n_tok, d_model),
  post_in: g.uniform("f32", [n_tok, HC], 0, 2),
  comb_in: g.uniform("f32", [n_tok, HC, HC], 0, 2 / HC),
});
export const output = (g: Inputs, n_tok: number, d_model: number) => ({
  z: g.heavy("bf16", [n_tok, d_model]),
});

export const toCombine = (g: Inputs, n_tok: number, n_act: number, d_model: number) => {
  const rows = g.permutation(n_tok * n_act);
  return {
    routed: g.normal("bf16", [n_tok * n_act, d_model]),
    slot_row: g.from("i32", [n_tok, n_act], (i) => rows[i]),
    shared: g.normal("bf16", [n_tok, d_model]),
  };
};

/** 2^20, a small number and -2^20 in every order over the slots: only the declared order gives the declared sums. */
export const inEveryOrder = (g: Inputs, d_model: number) => {
  const order = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ];
  return {
    ...toCombine(g, 6, 3, d_model),
    routed: g.from(
      "bf16",
      [18, d_model],
      (i) => [2 ** 20, 1 / 16 + (i % d_model) / 64, -(2 ** 20)][Math.floor(i / d_model) % 3],
    ),
    slot_row: g.from("i32", [6, 3], (i) => 3 * Math.floor(i / 3) + order[Math.floor(i / 3)][i % 3]),
  };
};

export interface Shape {
  readonly name: string;
  readonly n_tok: number;
  readonly d_model: number;
  readonly bench?: true;
}
const model = (name: string, n_tok: number, d_model: number): Shape => ({
  name: `model.${name}`,
  n_tok,
  d_model,
  bench: true,
});
const shape = (n_tok: number, d_model: number): Shape => ({
  name: `n_tok=${n_tok}.d_model=${d_model}`,
  n_tok,
  d_model,
});

/**
 * Up to 16 tokens have a cluster each, more share one by fours; a CTA of it has whole blocks of 128 channels, and the last may have less.
 */
export const SHAPES: readonly Shape[] = [
  model("prefill", 19, 384),
  model("decode", 1, 384),
  model("decode.8", 8, 384),
  model("flash", 3, 4096),
  model("pro", 1, 7168),
  shape(1, 8),
  shape(16, 120),
  shape(17, 136),
  shape(20, 1032),
  shape(3, 1024),
  shape(2, 2056),
];

/** Corners of what stands between streams and codes, `from` streams of the caller's making. */
export const normCorners = <T extends object>(
  from: (g: Inputs, n_tok: number, d_model: number) => T,
): { name: string; attrs: typeof attrs; make: (g: Inputs) => T & ReturnType<typeof toNorm> }[] => [
  {
    // values that tf32 would round: bits of fn below its ten are all that is left of the sum
    name: "low.bits",
    attrs,
    make: (g) => ({
      ...from(g, 3, 96),
      ...toNorm(g, 96),
      fn: g.from("f32", [N_MIX, HC * 96], (i) => 1 + (i % 2 === 0 ? (1 + (i % 7)) * 2 ** -15 : 0)),
    }),
  },
  {
    // each row of fn picks one channel, so that a stream or a CTA in another's place shows
    name: "one-hot",
    attrs,
    make: (g) => ({
      ...from(g, 3, 264),
      ...toNorm(g, 264),
      fn: g.from("f32", [N_MIX, HC * 264], (i) =>
        i % (HC * 264) === 41 * Math.floor(i / (HC * 264)) ? 40 : 0,
      ),
    }),
  },
  {
    // logits this far apart tell the matrix from its transpose and one iteration from twenty, and saturate gates
    name: "logits.far",
    attrs,
    make: (g) => ({
      ...from(g, 18, 136),
      ...toNorm(g, 136),
      base: g.normal("f32", [N_MIX], { std: 6 }),
    }),
  },
  {
    // blocks at, below and above the quantiser's floor, and of zeros
    name: "floor",
    attrs,
    make: (g) => ({
      ...from(g, 4, 384),
      ...toNorm(g, 384),
      w: g.from("bf16", [384], (i) => (i < 128 ? 2 ** -15 : i < 256 ? 0 : 2 ** -(i % 20))),
    }),
  },
  {
    name: "block=32.eps.large",
    attrs: { eps: 0.5, hc_eps: 0.0625, iters: 2, block: 32, floor: 1e-4 },
    make: (g) => ({ ...from(g, 5, 200), ...toNorm(g, 200) }),
  },
];
