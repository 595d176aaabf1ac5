import { suite, withCode, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/linear/grouped_linear_fp8w.op.ts";

type C = Case<typeof op>;
const up = (a: number, b: number): number => Math.ceil(a / b);

const inputs = (g: Inputs, M: number, n_group: number, N: number, K: number, std = 1) => ({
  a: g.normal("bf16", [M, n_group, K], { std }),
  w: g.normal("e4m3", [n_group * N, K], { std: 60 }),
  w_s: g.codes("ue8m0", [up(n_group * N, 128), up(K, 128)], 112, 122),
});

const shape = (M: number, n_group: number, N: number, K: number): C => ({
  name: `M=${M}.n_group=${n_group}.N=${N}.K=${K}`,
  attrs: { N },
  make: (g) => inputs(g, M, n_group, N, K),
});

const pair = (M: number, n_group: number, N: number, K: number): C => {
  const s = shape(M, n_group, N, K);
  return { ...s, name: `pair.${s.name}` };
};

const model: C[] = [
  { name: "model.prefill", bench: true, attrs: { N: 128 }, make: (g) => inputs(g, 37, 2, 128, 1024) },
  { name: "model.decode", bench: true, attrs: { N: 128 }, make: (g) => inputs(g, 1, 2, 128, 1024) },
];

// groups whose rows of w start inside a 128-row scale block; ragged K; more than one tile a dimension
const shapes = [
  shape(1, 1, 1, 1),
  shape(2, 3, 50, 129),
  shape(5, 2, 100, 272),
  shape(15, 3, 66, 16),
  shape(16, 5, 100, 400),
  shape(17, 3, 63, 127),
  shape(63, 2, 64, 128),
  shape(65, 4, 65, 144),
  shape(130, 3, 130, 24),
];

// what tcgen05 makes of a shape: 128 x T tiles, T +- 1, a ring of stages that wraps, with and without K split over a cluster, more tiles
// than multiprocessors
const umma = [
  shape(17, 2, 130, 144),
  shape(31, 1, 300, 1104),
  shape(33, 2, 127, 64),
  shape(127, 2, 90, 80),
  shape(128, 1, 128, 256),
  shape(129, 2, 257, 528),
  shape(1, 1, 129, 6672),
  shape(3, 80, 16, 848),
  shape(2, 160, 20, 48),
];

/**
 * What pairs of CTAs (cta_group::2) make of a shape: one token more than a CTA takes and as many, one row more than a CTA has and as
 * many, tiles of 96 and 128 tokens and one token less or more, more than one tile in each dimension, a last pair whose second CTA has one
 * row of its group or none. K is too short to be shared by a cluster, so that few tiles suffice for pairs. The last one but one has so many groups that no
 * multiprocessors are left to share K: a ring that wraps.
 */
const pairs: C[] = [
  pair(128, 2, 260, 80),
  pair(129, 2, 128, 80),
  pair(129, 3, 129, 80),
  pair(191, 1, 300, 144),
  pair(192, 1, 256, 80),
  pair(193, 2, 257, 144),
  pair(255, 1, 129, 80),
  pair(514, 1, 520, 80),
  pair(129, 19, 129, 464),
  {
    // the second of three groups is NaN: the second CTA of the first one's pair has its weights behind those of the first
    name: "pair.nan.group",
    attrs: { N: 150 },
    make: (g) => {
      const t = inputs(g, 130, 3, 150, 80);
      const a = g.from("bf16", [130, 3, 80], (i) =>
        Math.floor(i / 80) % 3 === 1 ? NaN : ((i * 37) % 17) - 8,
      );
      return { ...t, a, w: withCode(t.w, 0x7f, 150 * 80, 300 * 80) };
    },
  },
];

const corners: C[] = [
  {
    // the second of three groups is NaN: its weights lie in the tile of the first, its channels behind those of the first
    name: "nan.group",
    attrs: { N: 50 },
    make: (g) => {
      const t = inputs(g, 20, 3, 50, 80);
      const a = g.from("bf16", [20, 3, 80], (i) =>
        Math.floor(i / 80) % 3 === 1 ? NaN : ((i * 37) % 17) - 8,
      );
      return { ...t, a, w: withCode(t.w, 0x7f, 50 * 80, 100 * 80) };
    },
  },
  { name: "std10", attrs: { N: 40 }, make: (g) => inputs(g, 19, 3, 40, 256, 10) },
  {
    name: "heavy",
    attrs: { N: 72 },
    make: (g) => ({ ...inputs(g, 21, 2, 72, 160), a: g.heavy("bf16", [21, 2, 160]) }),
  },
  {
    name: "scales.wide",
    attrs: { N: 90 },
    make: (g) => ({ ...inputs(g, 7, 3, 90, 384), w_s: g.codes("ue8m0", [3, 3], 90, 160) }),
  },
  {
    // (row, group) picks one column of its group's weights
    name: "one-hot",
    attrs: { N: 70 },
    make: (g) => ({
      ...inputs(g, 4, 3, 70, 260),
      a: g.from("bf16", [4, 3, 260], (i) => (i % 260 === 21 * Math.floor(i / 260) ? 1 : 0)),
    }),
  },
];

export default suite(op, [...model, ...shapes, ...umma, ...pairs, ...corners]);
