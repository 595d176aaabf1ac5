import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/index/index_scores.op.ts";

type C = Case<typeof op>;

const inputs = (g: Inputs, n_tok: number, n_head: number, width: number, n_entry: number, std = 1) => ({
  q: g.normal("bf16", [n_tok, n_head, width], { std }),
  k: g.normal("bf16", [n_entry, width], { std }),
  w: g.normal("bf16", [n_tok, n_head]),
});

/** width^-1/2 n_head^-1/2, as the model scales. */
const attrs = (n_head: number, width: number) => ({ scale: Math.fround((n_head * width) ** -0.5) });

const shape = (n_tok: number, n_head: number, width: number, n_entry: number, bench?: true): C => ({
  name: `${bench ? "model." : ""}n_tok=${n_tok}.n_head=${n_head}.width=${width}.n_entry=${n_entry}`,
  ...(bench && { bench }),
  attrs: attrs(n_head, width),
  make: (g) => inputs(g, n_tok, n_head, width, n_entry),
});

const corners: C[] = [
  { name: "std10", attrs: attrs(6, 128), make: (g) => inputs(g, 3, 6, 128, 70, 10) },
  {
    // dot products that are exactly zero or negative: the relu's side of zero
    name: "relu.edge",
    attrs: { scale: 1 },
    make: (g) => ({
      ...inputs(g, 2, 5, 32, 67),
      q: g.from("bf16", [2, 5, 32], (i) => (i % 2 === 0 ? 1 : -1) * (1 + (i >> 5))),
      k: g.from("bf16", [67, 32], (i) => 1 + (((i >> 5) % 3) - 1) * (i % 2 === 0 ? 1 : 0)),
    }),
  },
  {
    // the scaled weight is rounded to bf16 before it multiplies: w * scale has ties here
    name: "weights.ties",
    attrs: { scale: 1 + 2 ** -8 },
    make: (g) => ({ ...inputs(g, 3, 40, 64, 30), w: g.from("bf16", [3, 40], (i) => 1 + i / 128) }),
  },
  {
    name: "weights.negative",
    attrs: attrs(9, 64),
    make: (g) => ({ ...inputs(g, 2, 9, 64, 65), w: g.uniform("bf16", [2, 9], -2, -0.5) }),
  },
  {
    // head h answers entry 11 h only, with its own weight
    name: "one-hot",
    attrs: { scale: 1 },
    make: (g) => ({
      q: g.from("bf16", [2, 7, 128], (i) => (i % 128 === 11 * (Math.floor(i / 128) % 7) ? 1 : 0)),
      k: g.from("bf16", [80, 128], (i) => (i % 128 === Math.floor(i / 128) ? 1 : 0)),
      w: g.from("bf16", [2, 7], (i) => i + 1),
    }),
  },
];

export default suite(op, [
  shape(13, 8, 128, 75, true),
  shape(1, 64, 128, 1030, true),
  {
    // one of everything, on the positive side of the relu
    name: "one",
    attrs: { scale: 1 },
    make: (g) => ({
      q: g.uniform("bf16", [1, 1, 1], 0.5, 2),
      k: g.uniform("bf16", [1, 1], 0.5, 2),
      w: g.uniform("bf16", [1, 1], 0.5, 2),
    }),
  },
  // heads around 16 and 64, entries around 64, widths off every load, several tiles a dimension
  shape(2, 3, 7, 5),
  shape(3, 16, 64, 63),
  shape(4, 17, 129, 65),
  shape(2, 65, 136, 130),
  shape(2, 130, 260, 66),
  ...corners,
]);
