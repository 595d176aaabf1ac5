import { suite, withCode, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/moe/expert_linear_nvfp4.op.ts";

type C = Case<typeof op>;
const up = (a: number, b: number): number => Math.ceil(a / b);

interface Load {
  /** Rows of each expert. */
  readonly rows: readonly number[];
  readonly N: number;
  readonly K: number;
}

/** Block scales 2^-9 .. 448 as positive e4m3 codes; every expert and slot has its own global scale. */
function inputs(g: Inputs, { rows, N, K }: Load) {
  const n_row = rows.reduce((a, b) => a + b, 0);
  const first = rows.map((_, e) => rows.slice(0, e).reduce((a, b) => a + b, 0));
  const resident = rows.filter((n) => n > 0).length;
  const slot = rows.map((n, e) => (n > 0 ? resident - rows.slice(0, e).filter((k) => k > 0).length : -1));
  return {
    a: g.codes("e2m1", [n_row, K]),
    a_s: g.codes("e4m3", [n_row, up(K, 16)], 0x30, 0x60),
    a_global: g.uniform("f32", [rows.length], 0.001, 0.01),
    offset: g.from("i32", [rows.length + 1], (e) => first[e] ?? n_row),
    expert_slot: g.from("i32", [rows.length], (e) => slot[e]),
    w: g.codes("e2m1", [resident + 1, N, K]),
    w_s: g.codes("e4m3", [resident + 1, N, up(K, 16)], 0x30, 0x60),
    w_global: g.uniform("f32", [resident + 1], 0.0001, 0.001),
  };
}

const load = (name: string, l: Load, bench?: true): C => ({
  name,
  ...(bench && { bench }),
  make: (g) => inputs(g, l),
});

const model = [
  load("model.up", { rows: [9, 17, 3, 12, 0, 8, 11, 6, 20, 14, 7, 5, 13, 10, 16, 23], N: 128, K: 384 }, true),
  load("model.decode", { rows: [0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0, 1, 0, 0], N: 384, K: 128 }, true),
];

const shapes: C[] = [
  {
    name: "one",
    make: (g) => ({
      ...inputs(g, { rows: [1], N: 1, K: 1 }),
      a: g.from("e2m1", [1, 1], () => -1.5),
      w: g.from("e2m1", [2, 1, 1], (i) => 2 + i),
    }),
  },
  load("K=17", { rows: [2, 5], N: 65, K: 17 }),
  load("K=129", { rows: [3, 0, 18], N: 63, K: 129 }),
  load("K=144", { rows: [16, 15, 17], N: 66, K: 144 }),
  load("tiles", { rows: [63, 64, 65, 130], N: 130, K: 272 }),
];

// what tcgen05 makes of a shape: tiles of 128 x T with T from the mean load, one row more or less than T, experts without rows at
// either end and between, K split over a cluster of which some have no tile, a ring of stages that wraps, more tiles than
// multiprocessors; scales of a row that are a multiple of 16 bytes, and not
const umma = [
  load("T=16", { rows: [0, 15, 16, 17, 0, 33, 0, 0, 0, 0, 1, 0], N: 130, K: 512 }),
  load("T=32", { rows: [31, 0, 32, 33, 0, 0], N: 127, K: 320 }),
  load("T=64", { rows: [0, 63, 64, 0, 65, 0], N: 128, K: 64 }),
  load("T=128", { rows: [127, 0, 128, 129], N: 257, K: 448 }),
  load("split", { rows: [0, 3, 0, 0], N: 140, K: 8192 }),
  load("split.ring", { rows: [2], N: 20, K: 26624 }),
  load("ring", { rows: Array.from({ length: 25 }, (_, e) => (e === 9 ? 200 : 0)), N: 300, K: 3392 }),
  load("persistent", { rows: [3, 0, 5], N: 10300, K: 128 }),
  load("n_expert=300", {
    rows: Array.from({ length: 300 }, (_, e) => (e % 7 === 3 ? 1 + (e % 3) : 0)),
    N: 20,
    K: 192,
  }),
];

/**
 * What pairs of CTAs (cta_group::2) make of a load, as soon as experts have more than 64 rows on the average and N has more than 128: rows
 * one less and one more than a tile of twice the mean, experts with one row or none, all rows in one, a last pair whose second CTA has one row
 * of the weights or none. K is too short to be shared by a cluster. The last one has three tiles for some of the 74 pairs of multiprocessors:
 * the third needs the accumulator of the first.
 */
const pairs = [
  load("pair.not.yet", { rows: [64, 64], N: 257, K: 128 }),
  load("pair.T=160", { rows: [0, 159, 160, 0, 161, 1, 0], N: 300, K: 320 }),
  load("pair.T=224", { rows: [223, 0, 224, 225, 0, 1], N: 257, K: 256 }),
  load("pair.N=129", { rows: [65], N: 129, K: 576 }),
  load("pair.all-to-one", { rows: [0, 0, 390, 0, 0], N: 520, K: 128 }),
  load("pair.persistent", { rows: Array.from({ length: 149 }, (_, e) => 64 + (e % 3)), N: 136, K: 64 }),
];

const corners: C[] = [
  {
    // NaN in the rows of expert 1 and in the scales of the unused slot
    name: "nan.padding",
    make: (g) => {
      const t = inputs(g, { rows: [5, 3, 0, 16], N: 133, K: 320 });
      return {
        ...t,
        a_s: withCode(t.a_s, 0x7f, 5 * 20, 8 * 20),
        w_s: withCode(t.w_s, 0x7f, 0, 133 * 20),
      };
    },
  },
  load("all-to-one", { rows: [0, 0, 200, 0], N: 70, K: 128 }),
  load("last-only", { rows: [0, 0, 0, 5], N: 20, K: 64 }),
  {
    // any block scale: zero, subnormal, 448
    name: "scales.a",
    make: (g) => ({
      ...inputs(g, { rows: [10, 6], N: 40, K: 256 }),
      a_s: g.codes("e4m3", [16, 16], 0, 0x7e),
    }),
  },
  {
    // zero and subnormal alone, in tiles of either size: beside a normal scale they would not be missed
    name: "scales.subnormal",
    make: (g) => ({
      ...inputs(g, { rows: [19, 6], N: 40, K: 256 }),
      a_s: g.codes("e4m3", [25, 16], 0, 7),
      w_s: g.codes("e4m3", [3, 40, 16], 0, 7),
    }),
  },
  {
    name: "scales.w",
    make: (g) => ({
      ...inputs(g, { rows: [3, 5], N: 16, K: 256 }),
      w_s: g.codes("e4m3", [3, 16, 16], 0, 0x7e),
    }),
  },
  {
    // row i picks column k = 19 i of its expert's weights
    name: "one-hot",
    make: (g) => ({
      ...inputs(g, { rows: [5, 0, 7], N: 67, K: 256 }),
      a: g.from("e2m1", [12, 256], (i) => (i % 256 === 19 * Math.floor(i / 256) ? 1 : 0)),
    }),
  },
  {
    name: "zero.blocks",
    make: (g) => ({
      ...inputs(g, { rows: [3, 4], N: 34, K: 128 }),
      w: g.from("e2m1", [3, 34, 128], (i) => (i % 32 < 16 ? 0 : 3)),
    }),
  },
];

export default suite(op, [...model, ...shapes, ...umma, ...pairs, ...corners]);
