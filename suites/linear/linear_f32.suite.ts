import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/linear/linear_f32.op.ts";

type C = Case<typeof op>;

const inputs = (g: Inputs, M: number, N: number, K: number, std = 1) => ({
  a: g.normal("bf16", [M, K], { std }),
  w: g.normal("bf16", [N, K], { std: 0.03 }),
});

const shape = (M: number, N: number, K: number): C => ({
  name: `M=${M}.N=${N}.K=${K}`,
  make: (g) => inputs(g, M, N, K),
});

const pair = (M: number, N: number, K: number): C => {
  const s = shape(M, N, K);
  return { ...s, name: `pair.${s.name}` };
};

const model: C[] = [
  { name: "model.gate", bench: true, make: (g) => inputs(g, 37, 16, 384) },
  { name: "model.compressor", bench: true, make: (g) => inputs(g, 70, 1024, 384) },
  { name: "model.head", bench: true, make: (g) => inputs(g, 1, 1024, 384) },
];

// tile - 1, tile, tile + 1 of 64 x 64 x 128, K off every load width, more than one tile a dimension
const shapes = [
  shape(1, 1, 1),
  shape(1, 65, 129),
  shape(2, 3, 7),
  shape(5, 70, 8),
  shape(15, 193, 264),
  shape(16, 66, 392),
  shape(17, 63, 127),
  shape(63, 64, 128),
  shape(64, 66, 136),
  shape(65, 130, 260),
  shape(130, 71, 392),
];

// what tcgen05 makes of a shape: 128 x T tiles, a ring of stages that wraps, K split over a cluster, more tiles than multiprocessors
const umma = [
  shape(1, 129, 4104),
  shape(1, 60, 6664),
  shape(17, 130, 144),
  shape(31, 300, 1104),
  shape(33, 127, 64),
  shape(127, 200, 80),
  shape(128, 128, 256),
  shape(129, 257, 1104),
  shape(300, 140, 144),
  shape(2, 38500, 80),
];

/**
 * What pairs of CTAs (cta_group::2) make of a shape: one token more than a CTA takes and as many, one row more than a CTA has and as
 * many, tiles of 96 and 128 tokens and one token less or more, more than one tile in each dimension, a last pair whose second CTA has one
 * row or none. K is too short to be shared by a cluster, so that few tiles suffice for pairs.
 */
const pairs = [
  pair(128, 260, 72),
  pair(129, 128, 72),
  pair(129, 129, 72),
  pair(191, 300, 136),
  pair(192, 256, 72),
  pair(193, 257, 136),
  pair(255, 129, 72),
  pair(257, 385, 72),
  pair(514, 520, 72),
];

const corners: C[] = [
  { name: "std10", make: (g) => inputs(g, 21, 67, 264, 10) },
  { name: "heavy", make: (g) => ({ ...inputs(g, 33, 66, 200), a: g.heavy("bf16", [33, 200]) }) },
  {
    // row m picks column k = 37 m of w
    name: "one-hot",
    make: (g) => ({
      ...inputs(g, 9, 133, 300),
      a: g.from("bf16", [9, 300], (i) => (i % 300 === 37 * Math.floor(i / 300) ? 1 : 0)),
    }),
  },
  {
    // constant rows: the sum is K times one product, exact in any order
    name: "constant.rows",
    make: (g) => ({
      a: g.from("bf16", [35, 250], (i) => 1 + (Math.floor(i / 250) % 3)),
      w: g.from("bf16", [68, 250], (i) => 1 + (Math.floor(i / 250) % 5)),
    }),
  },
  {
    name: "zero.rows",
    make: (g) => ({ ...inputs(g, 18, 40, 72), a: g.from("bf16", [18, 72], (i) => (i < 72 ? 0 : 1)) }),
  },
];

export default suite(op, [...model, ...shapes, ...umma, ...pairs, ...corners]);
