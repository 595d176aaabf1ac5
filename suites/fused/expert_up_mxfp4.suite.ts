import { suite, withCode, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/expert_up_mxfp4.op.ts";
import { EIGHT, ONE, PROMPT, placed, routed, up, type Load } from "./experts.ts";

type C = Case<typeof op>;
const attrs = { limit: 10, floor: 1e-4 };

function inputs(g: Inputs, { rows, N, K, n_src }: Load) {
  const { n_row, n_slot, experts } = placed(g, rows);
  const n_a = n_src ?? n_row;
  const weights = () => g.codes("e2m1", [n_slot, N, K]);
  const scales = () => g.codes("ue8m0", [n_slot, N, up(K, 32)], 115, 124);
  return {
    a: g.normal("e4m3", [n_a, K], { std: 60 }),
    a_s: g.codes("ue8m0", [n_a, up(K, 128)], 118, 128),
    ...(n_src === undefined ? {} : { src_row: g.ints([n_row], 0, n_src) }),
    ...experts,
    w1: weights(),
    w1_s: scales(),
    w3: weights(),
    w3_s: scales(),
    ...routed(g, n_row),
  };
}
const load = (name: string, l: Load, bench?: true): C => ({
  name,
  ...(bench && { bench }),
  attrs,
  make: (g) => inputs(g, l),
});

const model = [
  load("model.prompt", { rows: PROMPT, N: 128, K: 384, n_src: 29 }, true),
  load("model.8", { rows: EIGHT, N: 128, K: 384, n_src: 8 }, true),
  load("model.decode", { rows: ONE, N: 128, K: 384, n_src: 1 }, true),
  // the hidden sizes of flash and pro, and as much of an expert's width as a suite has time for
  load("flash.slice", { rows: [0, 1, 0, 1], N: 128, K: 4096, n_src: 1 }),
  load("pro.slice", { rows: [2, 0, 1, 8], N: 128, K: 7168, n_src: 8 }),
];

// the portable kernel alone takes these: any N and K
const shapes: C[] = [
  load("N=1.K=1", { rows: [1], N: 1, K: 1 }),
  load("N=65.K=33", { rows: [2, 5], N: 65, K: 33, n_src: 4 }),
  load("N=63.K=129", { rows: [3, 0, 18], N: 63, K: 129 }),
  load("N=130.K=160", { rows: [16, 15, 17], N: 130, K: 160, n_src: 9 }),
  load("N=132.K=272", { rows: [63, 64, 65, 130], N: 132, K: 272, n_src: 71 }),
];

// what tcgen05 makes of a shape: tiles with T from the mean load, one row more or less than T and than the 16 that are finished at once,
// experts without rows at either end and between, K split over a cluster of which some have no tile, a ring of stages that wraps, one
// accumulator of each matrix (T=128) and two
const umma = [
  load("T=16", { rows: [0, 15, 16, 17, 0, 33, 0, 0, 0, 0, 1, 0], N: 256, K: 384, n_src: 40 }),
  load("T=32", { rows: [31, 0, 32, 33, 0, 0], N: 128, K: 256, n_src: 50 }),
  load("T=64", { rows: [0, 63, 64, 0, 65, 0], N: 128, K: 128 }),
  load("T=128", { rows: [127, 0, 128, 129], N: 256, K: 256, n_src: 130 }),
  load("split.rows", { rows: [0, 0, 40, 0], N: 256, K: 2048, n_src: 30 }),
  load("split.ring", { rows: [2], N: 128, K: 13312 }),
  load("persistent", { rows: [3, 0, 5], N: 10368, K: 128 }),
  load("n_expert=300", {
    rows: Array.from({ length: 300 }, (_, e) => (e % 7 === 3 ? 1 + (e % 3) : 0)),
    N: 128,
    K: 128,
    n_src: 30,
  }),
];

/**
 * What pairs of CTAs (cta_group::2) make of a load, as soon as experts have more than 64 rows on the average and N has more than 128: rows
 * one less and one more than a tile of twice the mean, experts with one row or none, all rows in one, a last pair whose second CTA has no
 * rows of the weights, a ring that wraps. K is too short to be shared by a cluster.
 */
const pairs: C[] = [
  load("pair.not.yet", { rows: [64, 64], N: 256, K: 128, n_src: 30 }),
  load("pair.T=160", { rows: [0, 159, 160, 0, 161, 1, 0], N: 384, K: 256, n_src: 190 }),
  load("pair.T=224", { rows: [223, 0, 224, 225, 0, 1], N: 256, K: 128 }),
  load("pair.ring", { rows: [65], N: 256, K: 896 }),
  load("pair.all-to-one", { rows: [0, 0, 390, 0, 0], N: 640, K: 128, n_src: 33 }),
  {
    // NaN in the rows of expert 1, in source rows that nobody reads and in the scales of the unused slot
    name: "pair.nan.padding",
    attrs,
    make: (g) => {
      const t = inputs(g, { rows: [100, 70, 0, 130], N: 256, K: 256, n_src: 90 });
      return {
        ...t,
        src_row: g.from("i32", [300], (i) => (i >= 100 && i < 170 ? 17 + (i % 5) : i % 17)),
        a: withCode(t.a, 0x7f, 17 * 256, 90 * 256),
        a_s: withCode(t.a_s, 255, 17 * 2, 90 * 2),
        w3_s: withCode(t.w3_s, 255, 0, 256 * 8),
      };
    },
  },
];

const corners: C[] = [
  {
    // NaN in the rows of expert 1, in source rows that nobody reads and in the scales of the unused slot
    name: "nan.padding",
    attrs,
    make: (g) => {
      const t = inputs(g, { rows: [5, 3, 0, 16], N: 128, K: 256, n_src: 40 });
      return {
        ...t,
        src_row: g.from("i32", [24], (i) => (i >= 5 && i < 8 ? 12 + i : i % 9)),
        a: withCode(t.a, 0x7f, 17 * 256, 40 * 256),
        a_s: withCode(t.a_s, 255, 17 * 2, 40 * 2),
        w3_s: withCode(t.w3_s, 255, 0, 128 * 8),
      };
    },
  },
  {
    // activations below, at and above the floor of the quantiser, and rows of zeros
    name: "floor",
    attrs,
    make: (g) => ({
      ...inputs(g, { rows: [12, 9], N: 256, K: 128, n_src: 21 }),
      src_row: g.from("i32", [21], (i) => i),
      a_s: g.from("ue8m0", [21, 1], (i) => 2 ** (i - 24)),
      a: g.from("e4m3", [21, 128], (i) => (i < 256 ? 0 : (i % 13) - 6)),
    }),
  },
  {
    // both clamps at work
    name: "clamped",
    attrs: { ...attrs, limit: 0.5 },
    make: (g) => inputs(g, { rows: [6, 0, 11], N: 128, K: 256, n_src: 7 }),
  },
  {
    // no routing weight: the rows count as they are
    name: "unweighted",
    attrs: { ...attrs, n_row: 21, n_weight: 0 },
    make: (g) => {
      const { row_slot: _, weight: __, ...t } = inputs(g, { rows: [4, 17], N: 128, K: 256 });
      return t;
    },
  },
  load("last-only", { rows: [0, 0, 0, 5], N: 128, K: 128 }),
];

export default suite(op, [...model, ...shapes, ...umma, ...pairs, ...corners]);
