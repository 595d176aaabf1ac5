import { suite, withCode, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/o_a_quant.op.ts";

type C = Case<typeof op>;
const up = (a: number, b: number): number => Math.ceil(a / b);
const floor = 1e-4;

const inputs = (g: Inputs, M: number, n_group: number, n_block: number, K: number, std = 1) => ({
  a: g.normal("bf16", [M, n_group, K], { std }),
  w: g.normal("e4m3", [n_group * 128 * n_block, K], { std: 60 }),
  w_s: g.codes("ue8m0", [n_group * n_block, up(K, 128)], 112, 122),
});

const shape = (M: number, n_group: number, n_block: number, K: number): C => ({
  name: `M=${M}.n_group=${n_group}.n_block=${n_block}.K=${K}`,
  attrs: { n_block, floor },
  make: (g) => inputs(g, M, n_group, n_block, K),
});
const model = (name: string, M: number, n_group: number, n_block: number, K: number): C => ({
  name: `model.${name}`,
  bench: true,
  attrs: { n_block, floor },
  make: (g) => inputs(g, M, n_group, n_block, K),
});

// mini; a group of pro is 1024 x 4096
const models = [
  model("prefill", 37, 2, 1, 1024),
  model("decode", 1, 2, 1, 1024),
  model("eight", 8, 2, 1, 1024),
  model("pro.group", 1, 1, 8, 4096),
];

// tiles of 64 rows and of T, one more and one less; ragged K; K over a cluster and not; more tiles than multiprocessors
const shapes = [
  shape(1, 1, 1, 1),
  shape(2, 3, 1, 129),
  shape(5, 2, 2, 272),
  shape(15, 3, 1, 16),
  shape(16, 5, 1, 400),
  shape(17, 3, 2, 127),
  shape(31, 1, 3, 1104),
  shape(33, 2, 1, 64),
  shape(65, 2, 1, 144),
  shape(129, 1, 2, 528),
  shape(1, 1, 1, 6672),
  shape(2, 80, 2, 48),
];

const pair = (M: number, n_group: number, n_block: number, K: number): C => {
  const s = shape(M, n_group, n_block, K);
  return { ...s, name: `pair.${s.name}` };
};

/**
 * What pairs of CTAs (cta_group::2) make of a shape: one token more than a CTA takes and as many, no second block to share a tile with, a
 * last pair whose second CTA has none of its group, tiles of 96 and 128 tokens and one token less or more, a ring that wraps. K is too
 * short to be shared by a cluster, so that few tiles suffice for pairs.
 */
const pairs = [
  pair(128, 1, 2, 80),
  pair(129, 2, 1, 80),
  pair(129, 1, 2, 448),
  pair(191, 2, 3, 144),
  pair(192, 1, 2, 80),
  pair(193, 2, 2, 80),
  pair(514, 1, 3, 16),
];

const corners: C[] = [
  {
    // rows whose results are zero, at the floor and below it
    name: "floor",
    attrs: { n_block: 2, floor },
    make: (g) => ({
      ...inputs(g, 20, 2, 2, 144),
      a: g.from("bf16", [20, 2, 144], (i) => (i % 144 === 7 ? 2 ** -(Math.floor(i / 144) % 24) : 0)),
    }),
  },
  {
    // the second of three groups is NaN: its codes and scales alone
    name: "nan.group",
    attrs: { n_block: 1, floor },
    make: (g) => {
      const t = inputs(g, 20, 3, 1, 80);
      return { ...t, w: withCode(t.w, 0x7f, 128 * 80, 256 * 80) };
    },
  },
  {
    name: "heavy",
    attrs: { n_block: 1, floor },
    make: (g) => ({ ...inputs(g, 21, 2, 1, 160), a: g.heavy("bf16", [21, 2, 160]) }),
  },
  {
    name: "scales.wide",
    attrs: { n_block: 1, floor },
    make: (g) => ({ ...inputs(g, 7, 3, 1, 384), w_s: g.codes("ue8m0", [3, 3], 90, 160) }),
  },
];

export default suite(op, [...models, ...shapes, ...pairs, ...corners]);
