import { suite, withCode, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/linear_fp8_pair.op.ts";

type C = Case<typeof op>;
const up = (a: number, b: number): number => Math.ceil(a / b);

/** Scales around 1 (a) and 2^-7 (w), as quantised activations and weights have. */
const inputs = (g: Inputs, M: number, N0: number, N1: number, K: number, std = 60) => ({
  a: g.normal("e4m3", [M, K], { std }),
  a_s: g.codes("ue8m0", [M, up(K, 128)], 118, 128),
  w0: g.normal("e4m3", [N0, K], { std }),
  w0_s: g.codes("ue8m0", [up(N0, 128), up(K, 128)], 112, 122),
  w1: g.normal("e4m3", [N1, K], { std }),
  w1_s: g.codes("ue8m0", [up(N1, 128), up(K, 128)], 112, 122),
});

const shape = (M: number, N0: number, N1: number, K: number): C => ({
  name: `M=${M}.N0=${N0}.N1=${N1}.K=${K}`,
  make: (g) => inputs(g, M, N0, N1, K),
});
const model = (name: string, M: number, N0: number, N1: number, K: number): C => ({
  name: `model.${name}`,
  bench: true,
  make: (g) => inputs(g, M, N0, N1, K),
});

// wq_a and wkv, wq_b and the indexer's wq_b: of mini, and the first of flash and pro (the second has 8 M weights and more)
const models = [
  model("a.prefill", 37, 256, 512, 384),
  model("b.decode", 1, 2048, 1024, 256),
  model("b.eight", 8, 2048, 1024, 256),
  model("a.flash", 1, 1024, 512, 4096),
  model("a.pro", 1, 1536, 512, 7168),
];

// tiles of 64 x 64 x 128 and of 128 x T, one more and one less, with either pair the wider; K off every load width
const shapes = [
  shape(1, 1, 1, 1),
  shape(3, 65, 257, 129),
  shape(5, 70, 16, 16),
  shape(16, 127, 129, 400),
  shape(17, 129, 127, 144),
  shape(65, 130, 64, 272),
  shape(130, 70, 200, 80),
  shape(129, 257, 1, 1104),
  // K over a cluster, as each alone has it; then as only one of them has it
  shape(2, 129, 60, 4112),
  shape(2, 9600, 60, 1040),
  // more tiles than multiprocessors, the change from one matrix to the next within a CTA's turns
  shape(2, 19300, 19200, 80),
];

const ctaPair = (M: number, N0: number, N1: number, K: number): C => {
  const s = shape(M, N0, N1, K);
  return { ...s, name: `cta-pair.${s.name}` };
};

/**
 * What pairs of CTAs (cta_group::2) make of a shape: one token more than a CTA takes and as many, weights of which neither or only one has
 * rows for two CTAs, a last pair whose second CTA has one row or none, tiles of 96 and 128 tokens and one token less or more. K is too
 * short to be shared by a cluster, so that few tiles suffice for pairs. The last one has more tiles than the device has pairs of
 * multiprocessors.
 */
const pairs = [
  ctaPair(128, 260, 130, 144),
  ctaPair(129, 128, 60, 144),
  ctaPair(129, 129, 60, 272),
  ctaPair(191, 128, 300, 144),
  ctaPair(192, 256, 385, 144),
  ctaPair(193, 257, 129, 896),
  ctaPair(514, 520, 300, 16),
  ctaPair(129, 9700, 9600, 16),
];

const corners: C[] = [
  {
    name: "scales.wide",
    make: (g) => ({
      ...inputs(g, 19, 140, 130, 640),
      a_s: g.codes("ue8m0", [19, 5], 90, 160),
      w0_s: g.codes("ue8m0", [2, 5], 90, 160),
      w1_s: g.codes("ue8m0", [2, 5], 90, 160),
    }),
  },
  {
    // what the first weights' last tile would take of the second's, and the other way round, is NaN
    name: "nan.first",
    make: (g) => {
      const x = inputs(g, 20, 140, 67, 144);
      return { ...x, w0: withCode(x.w0, 0x7f, 0, 140 * 144) };
    },
  },
  {
    name: "nan.second",
    make: (g) => {
      const x = inputs(g, 20, 140, 67, 144);
      return { ...x, w1: withCode(x.w1, 0x7f, 0, 67 * 144) };
    },
  },
];

export default suite(op, [...models, ...shapes, ...pairs, ...corners]);
