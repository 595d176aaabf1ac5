import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/linear/linear_fp8.op.ts";

type C = Case<typeof op>;
const up = (a: number, b: number): number => Math.ceil(a / b);

/** Scales around 1 (a) and 2^-7 (w), as quantised activations and weights have. */
const inputs = (g: Inputs, M: number, N: number, K: number, std = 60) => ({
  a: g.normal("e4m3", [M, K], { std }),
  a_s: g.codes("ue8m0", [M, up(K, 128)], 118, 128),
  w: g.normal("e4m3", [N, K], { std }),
  w_s: g.codes("ue8m0", [up(N, 128), up(K, 128)], 112, 122),
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
  { name: "model.prefill", bench: true, make: (g) => inputs(g, 37, 256, 384) },
  { name: "model.decode", bench: true, make: (g) => inputs(g, 1, 2048, 256) },
];

// tile - 1, tile, tile + 1 of 64 x 64 x 128, K off every load width, more than one tile and scale block a dimension
const shapes = [
  shape(1, 1, 1),
  shape(1, 65, 129),
  shape(3, 257, 20),
  shape(5, 70, 16),
  shape(15, 193, 272),
  shape(16, 66, 400),
  shape(17, 63, 127),
  shape(63, 64, 128),
  shape(64, 66, 130),
  shape(65, 130, 272),
  shape(130, 70, 400),
];

// what tcgen05 makes of a shape: 128 x T tiles, a ring of stages that wraps, K split over a cluster, more tiles than multiprocessors
const umma = [
  shape(1, 129, 4112),
  shape(1, 60, 13328),
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
 * row or none. K is too short to be shared by a cluster, so that few tiles suffice for pairs. So many rows of w as the last one has
 * fill the device, so that all 129 tokens are one tile, and their scales more than one atom.
 */
const pairs = [
  pair(128, 260, 144),
  pair(129, 128, 144),
  pair(129, 129, 144),
  pair(191, 300, 272),
  pair(192, 256, 144),
  pair(193, 257, 272),
  pair(255, 129, 144),
  pair(257, 385, 144),
  pair(514, 520, 144),
  pair(129, 9480, 144),
];

const corners: C[] = [
  { name: "std10.saturated", make: (g) => inputs(g, 18, 70, 256, 600) },
  {
    name: "scales.wide",
    make: (g) => ({
      ...inputs(g, 19, 140, 640),
      a_s: g.codes("ue8m0", [19, 5], 90, 160),
      w_s: g.codes("ue8m0", [2, 5], 90, 160),
    }),
  },
  {
    // the second block of every row and of the first 128 weight rows is zero; its scale is what an all-zero block gets
    name: "zero.blocks",
    make: (g) => {
      const t = inputs(g, 5, 150, 384);
      const zero = (x: typeof t.a, rows: number) => {
        const data = Uint8Array.from(x.data as Uint8Array);
        for (let r = 0; r < rows; r++) data.fill(0, r * 384 + 128, r * 384 + 256);
        return { ...x, data };
      };
      return { ...t, a: zero(t.a, 3), w: zero(t.w, 128), a_s: g.codes("ue8m0", [5, 3], 105, 105) };
    },
  },
  {
    // row m picks column k = 37 m of w: a wrong row, column or scale block shows as a wrong value
    name: "one-hot",
    make: (g) => ({
      ...inputs(g, 9, 133, 300),
      a: g.from("e4m3", [9, 300], (i) => (i % 300 === 37 * Math.floor(i / 300) ? 1 : 0)),
    }),
  },
  {
    name: "nan.codes",
    make: (g) => {
      const t = inputs(g, 20, 67, 144);
      const data = Uint8Array.from(t.a.data as Uint8Array);
      data[3 * 144 + 143] = 0x7f;
      data[17 * 144] = 0xff;
      return { ...t, a: { ...t.a, data } };
    },
  },
];

export default suite(op, [...model, ...shapes, ...umma, ...pairs, ...corners]);
