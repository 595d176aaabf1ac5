import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/shared_up.op.ts";
import { up } from "./experts.ts";

type C = Case<typeof op>;
const attrs = { limit: 10, floor: 1e-4 };

const inputs = (g: Inputs, M: number, N: number, K: number) => {
  const weights = () => g.normal("e4m3", [N, K], { std: 60 });
  const scales = () => g.codes("ue8m0", [up(N, 128), up(K, 128)], 112, 119);
  return {
    a: g.normal("e4m3", [M, K], { std: 60 }),
    a_s: g.codes("ue8m0", [M, up(K, 128)], 116, 124),
    w1: weights(),
    w1_s: scales(),
    w3: weights(),
    w3_s: scales(),
  };
};
const shape = (name: string, M: number, N: number, K: number, bench?: true): C => ({
  name,
  ...(bench && { bench }),
  attrs,
  make: (g) => inputs(g, M, N, K),
});

const model = [
  shape("model.prompt", 29, 128, 384, true),
  shape("model.8", 8, 128, 384, true),
  shape("model.decode", 1, 128, 384, true),
  // the hidden sizes of flash and pro, and as much of the width as a suite has time for
  shape("flash.slice", 1, 256, 4096),
  shape("pro.slice", 8, 128, 7168),
];

// the portable kernel alone takes these: any N and K
const shapes = [
  shape("M=1.N=1.K=1", 1, 1, 1),
  shape("M=3.N=65.K=33", 3, 65, 33),
  shape("M=17.N=130.K=144", 17, 130, 144),
  shape("M=65.N=260.K=200", 65, 260, 200),
];

// what tcgen05 makes of a shape: one row more or less than a tile and than the 16 that are finished at once, K that ends in mid-stage,
// split over a cluster, a ring of stages that wraps, more tiles than multiprocessors, one accumulator of each matrix (M > 64) and two
const umma = [
  shape("M=15", 15, 128, 128),
  shape("M=16.K=272", 16, 256, 272),
  shape("M=17.K=1024", 17, 128, 1024),
  shape("M=63", 63, 128, 256),
  shape("M=65", 65, 256, 144),
  shape("M=129.K=1664", 129, 128, 1664),
  shape("split.ring", 2, 128, 13312),
  shape("persistent", 3, 19200, 128),
];

/**
 * What pairs of CTAs (cta_group::2) make of a shape: one token more than a CTA takes and as many, no second CTA to share a tile with, one
 * that has no rows of w, tiles of 96 and 128 tokens and one token less or more, a ring that wraps. K is too short to be shared by a
 * cluster, so that few tiles suffice for pairs.
 */
const pairs = [
  shape("pair.M=128", 128, 256, 128),
  shape("pair.M=129.N=128", 129, 128, 144),
  shape("pair.M=129.K=896", 129, 256, 896),
  shape("pair.M=191.N=384", 191, 384, 272),
  shape("pair.M=192", 192, 256, 144),
  shape("pair.M=193", 193, 256, 144),
  shape("pair.M=257.N=640", 257, 640, 128),
];

const corners: C[] = [
  {
    // activations below, at and above the floor of the quantiser, and tokens of zeros
    name: "floor",
    attrs,
    make: (g) => ({
      ...inputs(g, 21, 256, 128),
      a_s: g.from("ue8m0", [21, 1], (i) => 2 ** (i - 30)),
      a: g.from("e4m3", [21, 128], (i) => (i < 256 ? 0 : (i % 13) - 6)),
    }),
  },
  {
    // both clamps at work
    name: "clamped",
    attrs: { ...attrs, limit: 0.5 },
    make: (g) => inputs(g, 7, 128, 256),
  },
];

export default suite(op, [...model, ...shapes, ...umma, ...pairs, ...corners]);
