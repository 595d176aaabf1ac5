import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/mhc/hc_mix.op.ts";
import { streams } from "./streams.ts";

type C = Case<typeof op>;
const attrs = { eps: 1e-6 };

const inputs = (g: Inputs, n_tok: number, hc: number, d_model: number, n_mix: number) => ({
  x: streams(g, n_tok, hc, d_model),
  fn: g.normal("f32", [n_mix, hc * d_model], { std: 0.02 }),
});
const model = (name: string, n_tok: number, d_model: number, n_mix: number): C => ({
  name: `model.${name}`,
  bench: true,
  attrs,
  make: (g) => inputs(g, n_tok, 4, d_model, n_mix),
});
const shape = (n_tok: number, hc: number, d_model: number, n_mix: number): C => ({
  name: `n_tok=${n_tok}.hc=${hc}.d_model=${d_model}.n_mix=${n_mix}`,
  attrs,
  make: (g) => inputs(g, n_tok, hc, d_model, n_mix),
});

const corners: C[] = [
  {
    // values that tf32 would round: bits of fn below its ten are all that is left of the sum
    name: "low.bits",
    attrs,
    make: (g) => ({
      x: g.from("bf16", [3, 4, 96], (i) => (i % 2 === 0 ? 1 : -1)),
      fn: g.from("f32", [24, 384], (i) => 1 + (i % 2 === 0 ? (1 + (i % 7)) * 2 ** -15 : 0)),
    }),
  },
  {
    // each row of fn picks one channel: mix is that channel over the RMS
    name: "one-hot",
    attrs,
    make: (g) => ({
      x: streams(g, 3, 4, 72),
      fn: g.from("f32", [24, 288], (i) => (i % 288 === 11 * Math.floor(i / 288) ? 1 : 0)),
    }),
  },
  {
    name: "eps.same-size",
    attrs,
    make: (g) => ({
      x: g.normal("bf16", [3, 4, 96], { std: 1e-3 }),
      fn: g.normal("f32", [24, 384]),
    }),
  },
];

export default suite(op, [
  model("prefill", 19, 384, 24),
  model("decode", 1, 384, 24),
  model("head", 7, 384, 4),
  model("pro", 1, 7168, 24),
  // two passes of 24 rows and rows that fill no tile; rows off the 16-byte grid
  shape(3, 8, 40, 80),
  shape(5, 2, 132, 8),
  shape(2, 3, 67, 15),
  shape(1, 1, 1, 3),
  shape(2, 4, 66, 29),
  // what tcgen05 makes of it: tiles of 16 to 64 tokens, K split over a cluster or not, stages of 128 that end early, all 32 rows
  shape(5, 4, 100, 24),
  shape(16, 4, 1032, 24),
  shape(17, 4, 264, 24),
  shape(65, 4, 136, 24),
  shape(130, 2, 520, 32),
  ...corners,
]);
