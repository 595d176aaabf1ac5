import { suite, withCode, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/moe/expert_linear_mxfp4.op.ts";

type C = Case<typeof op>;
const up = (a: number, b: number): number => Math.ceil(a / b);

interface Load {
  /** Rows of each expert. */
  readonly rows: readonly number[];
  readonly N: number;
  readonly K: number;
  /** Rows gathered from this many, by src_row; none: row i reads row i. */
  readonly n_src?: number;
  readonly std?: number;
}

/** Resident experts take slots in falling order; one without rows is not resident. One more slot than needed stays unused. */
function inputs(g: Inputs, { rows, N, K, n_src, std = 60 }: Load) {
  const n_row = rows.reduce((a, b) => a + b, 0);
  const n_a = n_src ?? n_row;
  const first = rows.map((_, e) => rows.slice(0, e).reduce((a, b) => a + b, 0));
  const resident = rows.filter((n) => n > 0).length;
  const slot = rows.map((n, e) => (n > 0 ? resident - rows.slice(0, e).filter((k) => k > 0).length : -1));
  return {
    a: g.normal("e4m3", [n_a, K], { std }),
    a_s: g.codes("ue8m0", [n_a, up(K, 128)], 118, 128),
    ...(n_src === undefined ? {} : { src_row: g.ints([n_row], 0, n_src) }),
    offset: g.from("i32", [rows.length + 1], (e) => first[e] ?? n_row),
    expert_slot: g.from("i32", [rows.length], (e) => slot[e]),
    w: g.codes("e2m1", [resident + 1, N, K]),
    w_s: g.codes("ue8m0", [resident + 1, N, up(K, 32)], 115, 124),
  };
}

const load = (name: string, l: Load, bench?: true): C => ({
  name,
  ...(bench && { bench }),
  ...(l.n_src === undefined && { attrs: { n_row: l.rows.reduce((a, b) => a + b, 0) } }),
  make: (g) => inputs(g, l),
});

const model = [
  load(
    "model.up",
    { rows: [9, 17, 3, 12, 0, 8, 11, 6, 20, 14, 7, 5, 13, 10, 16, 23], N: 128, K: 384, n_src: 29 },
    true,
  ),
  load(
    "model.down",
    { rows: [9, 17, 3, 12, 0, 8, 11, 6, 20, 14, 7, 5, 13, 10, 16, 23], N: 384, K: 128 },
    true,
  ),
  load(
    "model.decode",
    { rows: [0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0, 1, 0, 0], N: 128, K: 384, n_src: 1 },
    true,
  ),
];

const shapes: C[] = [
  {
    name: "one",
    attrs: { n_row: 1 },
    make: (g) => ({
      ...inputs(g, { rows: [1], N: 1, K: 1 }),
      a: g.from("e4m3", [1, 1], () => -1.75),
      w: g.from("e2m1", [2, 1, 1], (i) => 2 + i),
    }),
  },
  load("K=33", { rows: [2, 5], N: 65, K: 33, n_src: 4 }),
  load("K=129", { rows: [3, 0, 18], N: 63, K: 129 }),
  load("K=160", { rows: [16, 15, 17], N: 66, K: 160, n_src: 9 }),
  load("K=168", { rows: [7, 4], N: 30, K: 168 }),
  load("tiles", { rows: [63, 64, 65, 130], N: 130, K: 272, n_src: 71 }),
];

// what tcgen05 makes of a shape: tiles of 128 x T with T from the mean load, one row more or less than T, experts without rows at
// either end and between, K split over a cluster of which some have no tile, a ring of stages that wraps, more tiles than multiprocessors
const umma = [
  load("T=16", { rows: [0, 15, 16, 17, 0, 33, 0, 0, 0, 0, 1, 0], N: 130, K: 384, n_src: 40 }),
  load("T=32", { rows: [31, 0, 32, 33, 0, 0], N: 127, K: 256, n_src: 50 }),
  load("T=64", { rows: [0, 63, 64, 0, 65, 0], N: 128, K: 128 }),
  load("T=128", { rows: [127, 0, 128, 129], N: 257, K: 256, n_src: 130 }),
  load("split", { rows: [0, 3, 0, 0], N: 140, K: 4096, n_src: 2 }),
  load("split.ring", { rows: [2], N: 20, K: 13312 }),
  load("ring", {
    rows: Array.from({ length: 25 }, (_, e) => (e === 9 ? 200 : 0)),
    N: 300,
    K: 1664,
    n_src: 60,
  }),
  load("persistent", { rows: [3, 0, 5], N: 10300, K: 128 }),
  load("n_expert=300", {
    rows: Array.from({ length: 300 }, (_, e) => (e % 7 === 3 ? 1 + (e % 3) : 0)),
    N: 20,
    K: 128,
    n_src: 30,
  }),
];

/**
 * What pairs of CTAs (cta_group::2) make of a load, as soon as experts have more than 64 rows on the average and N has more than 128: rows
 * one less and one more than a tile of twice the mean, experts with one row or none, all rows in one, a last pair whose second CTA has one row
 * of the weights or none. K is too short to be shared by a cluster, but for the last one: its tiles are more than multiprocessors, so
 * that it needs none to share a long K, and the ring wraps.
 */
const pairs = [
  load("pair.not.yet", { rows: [64, 64], N: 257, K: 128, n_src: 30 }),
  load("pair.T=160", { rows: [0, 159, 160, 0, 161, 1, 0], N: 300, K: 256, n_src: 190 }),
  load("pair.T=224", { rows: [223, 0, 224, 225, 0, 1], N: 257, K: 128 }),
  load("pair.N=129", { rows: [65], N: 129, K: 384 }),
  load("pair.all-to-one", { rows: [0, 0, 390, 0, 0], N: 520, K: 128, n_src: 33 }),
  {
    // NaN in the rows of expert 1, in source rows that nobody reads and in the scales of the unused slot
    name: "pair.nan.padding",
    make: (g: Inputs) => {
      const t = inputs(g, { rows: [100, 70, 0, 130], N: 133, K: 256, n_src: 90 });
      return {
        ...t,
        src_row: g.from("i32", [300], (i) => (i >= 100 && i < 170 ? 17 + (i % 5) : i % 17)),
        a: withCode(t.a, 0x7f, 17 * 256, 90 * 256),
        a_s: withCode(t.a_s, 255, 17 * 2, 90 * 2),
        w_s: withCode(t.w_s, 255, 0, 133 * 8),
      };
    },
  },
  load("pair.ring", {
    rows: Array.from({ length: 26 }, (_, e) => (e === 9 ? 1665 : 0)),
    N: 129,
    K: 1152,
    n_src: 60,
  }),
];

const corners: C[] = [
  {
    // NaN in the rows of expert 1, in source rows that nobody reads and in the scales of the unused slot
    name: "nan.padding",
    make: (g) => {
      const t = inputs(g, { rows: [5, 3, 0, 16], N: 133, K: 256, n_src: 40 });
      return {
        ...t,
        src_row: g.from("i32", [24], (i) => (i >= 5 && i < 8 ? 12 + i : i % 9)),
        a: withCode(t.a, 0x7f, 17 * 256, 40 * 256),
        a_s: withCode(t.a_s, 255, 17 * 2, 40 * 2),
        w_s: withCode(t.w_s, 255, 0, 133 * 8),
      };
    },
  },
  load("all-to-one", { rows: [0, 0, 200, 0], N: 70, K: 128, n_src: 33 }),
  load("last-only", { rows: [0, 0, 0, 5], N: 20, K: 64 }),
  load("std10.saturated", { rows: [5, 9], N: 40, K: 256, std: 600 }),
  {
    // eight weight scales within a row, far apart; no two blocks alike
    name: "scales.wide",
    attrs: { n_row: 6 },
    make: (g) => ({
      ...inputs(g, { rows: [4, 2], N: 50, K: 256 }),
      a_s: g.codes("ue8m0", [6, 2], 100, 150),
      w_s: g.codes("ue8m0", [3, 50, 8], 90, 160),
    }),
  },
  {
    // row i picks column k = 19 i of its expert's weights: a wrong nibble, slot or block shows as a wrong value
    name: "one-hot",
    attrs: { n_row: 12 },
    make: (g) => ({
      ...inputs(g, { rows: [5, 0, 7], N: 67, K: 256 }),
      a: g.from("e4m3", [12, 256], (i) => (i % 256 === 19 * Math.floor(i / 256) ? 1 : 0)),
    }),
  },
  {
    name: "zero.blocks",
    attrs: { n_row: 7 },
    make: (g) => ({
      ...inputs(g, { rows: [3, 4], N: 34, K: 128 }),
      w: g.from("e2m1", [3, 34, 128], (i) => (i % 128 < 64 ? 0 : 1.5)),
      w_s: g.from("ue8m0", [3, 34, 4], (i) => (i % 4 < 2 ? 2 ** -127 : 2 ** -6)),
    }),
  },
];

export default suite(op, [...model, ...shapes, ...umma, ...pairs, ...corners]);
