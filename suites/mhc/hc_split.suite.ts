import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/mhc/hc_split.op.ts";

type C = Case<typeof op>;
const ITERS = 20;

const inputs = (g: Inputs, n_tok: number, hc: number, std: number) => {
  const n_mix = (2 + hc) * hc;
  return {
    mix: g.normal("f32", [n_tok, n_mix], { std }),
    scale: g.from("f32", [3], (i) => [0.5, 1.5, 1][i]),
    base: g.normal("f32", [n_mix], { std: 0.5 }),
  };
};
const model = (name: string, n_tok: number): C => ({
  name: `model.${name}`,
  bench: true,
  attrs: { hc: 4, eps: 1e-6, iters: ITERS },
  make: (g) => inputs(g, n_tok, 4, 1),
});
const shape = (n_tok: number, hc: number, iters: number): C => ({
  name: `n_tok=${n_tok}.hc=${hc}.iters=${iters}`,
  attrs: { hc, eps: 1e-6, iters },
  make: (g) => inputs(g, n_tok, hc, 2),
});

const corners: C[] = [
  {
    // DeepSeek-V4's constants; pre begins 0.2227 0.2814, comb begins 0.34648 0.34648 0.13187 0.17517
    name: "known-answer",
    attrs: { hc: 4, eps: 1e-6, iters: ITERS },
    make: (g) => ({
      mix: g.from("f32", [1, 24], (i) => (i - 12) / 8),
      scale: g.from("f32", [3], (i) => [0.5, 1, 2][i]),
      base: g.from("f32", [24], (i) => 0.25 * ((i % 5) - 2)),
    }),
  },
  {
    // logits this far apart tell the matrix from its transpose and one iteration from twenty
    name: "logits.std=5",
    attrs: { hc: 4, eps: 1e-6, iters: ITERS },
    make: (g) => inputs(g, 35, 4, 5),
  },
  {
    // gates near 0 and 1, where eps is all of pre
    name: "gates.saturated",
    attrs: { hc: 4, eps: 1e-6, iters: 3 },
    make: (g) => ({
      ...inputs(g, 9, 4, 2),
      mix: g.from("f32", [9, 24], (i) => (i % 24 < 8 ? ((i % 5) - 2) * 12 : g.random())),
    }),
  },
  {
    name: "eps.large",
    attrs: { hc: 4, eps: 0.0625, iters: 2 },
    make: (g) => inputs(g, 5, 4, 3),
  },
];

export default suite(op, [
  model("prefill", 67),
  model("decode", 1),
  shape(3, 1, 5),
  shape(33, 2, 20),
  shape(5, 3, 1),
  shape(7, 6, 20),
  shape(2, 8, 7),
  ...corners,
]);
