import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/score_keys.op.ts";

type C = Case<typeof op>;

interface Shape {
  readonly n_tok: number;
  readonly n_entry: number;
  readonly topk: number;
  /** Position of the first token; each next one is `step` further. */
  readonly start: number;
  readonly step?: number;
  readonly n_head?: number;
  readonly width?: number;
  readonly ratio?: number;
  readonly window?: number;
  /** Token that row 0 of the pool holds. */
  readonly raw0?: number;
}

const HEADS = 3;
const attrs = (s: Shape, scale: number) => ({
  topk: s.topk,
  ratio: s.ratio ?? 4,
  window: s.window ?? 5,
  raw0: s.raw0 ?? 0,
  n_raw: s.start + s.n_tok - (s.raw0 ?? 0),
  scale,
});
const positions = (g: Inputs, s: Shape) => g.from("i32", [s.n_tok], (i) => s.start + (s.step ?? 1) * i);

/** Every code, and scales of different size in every block, as quantised activations have them. */
const inputs = (g: Inputs, s: Shape, scales: readonly [number, number] = [122, 128], std = 1) => {
  const { n_tok, n_entry, n_head = HEADS, width = 128 } = s;
  const blocks = Math.ceil(width / 32);
  return {
    q: g.codes("e2m1", [n_tok, n_head, width]),
    q_s: g.codes("ue8m0", [n_tok, n_head, blocks], ...scales),
    k: g.codes("e2m1", [n_entry, width]),
    k_s: g.codes("ue8m0", [n_entry, blocks], ...scales),
    w: g.normal("bf16", [n_tok, n_head], { std }),
    pos: positions(g, s),
  };
};

/** width^-1/2 n_head^-1/2, as the model scales. */
const scaleOf = ({ n_head = HEADS, width = 128 }: Shape): number => Math.fround((n_head * width) ** -0.5);

const drawn = (name: string, s: Shape, bench?: true): C => ({
  name,
  ...(bench && { bench }),
  attrs: attrs(s, scaleOf(s)),
  make: (g) => inputs(g, s),
});

/**
 * Scores that are what `value` says, exactly: token i, of the first 32, listens to channel i of the first block with one head and of the
 * second, negated, with the other; the next 32 tokens listen to the same. Values are those of e2m1, times the entry's own power of two.
 */
const given = (
  name: string,
  s: Shape,
  value: (g: Inputs, i: number, n: number) => number,
  unit: (n: number) => number = () => 1,
): C => ({
  name,
  attrs: attrs(s, 1),
  make: (g) => {
    const v = Float64Array.from({ length: s.n_tok * s.n_entry }, (_, i) =>
      value(g, Math.floor(i / s.n_entry), i % s.n_entry),
    );
    return {
      q: g.from("e2m1", [s.n_tok, 2, 128], (i) =>
        Number(i % 128 === (Math.floor(i / 256) % 32) + 32 * ((i >> 7) % 2)),
      ),
      q_s: g.from("ue8m0", [s.n_tok, 2, 4], () => 1),
      k: g.from("e2m1", [s.n_entry, 128], (i) => {
        const [n, token] = [i >> 7, i % 32];
        const x = token < s.n_tok ? v[token * s.n_entry + n] : 0;
        return i % 128 < 32 ? Math.max(x, 0) : i % 128 < 64 ? Math.max(-x, 0) : 0;
      }),
      k_s: g.from("ue8m0", [s.n_entry, 4], (i) => unit(i >> 2)),
      w: g.from("bf16", [s.n_tok, 2], (i) => 1 - 2 * (i % 2)),
      pos: positions(g, s),
    };
  },
});

const pick = (g: Inputs, from: readonly number[]): number => from[Math.floor(g.random() * from.length)];

const model = [
  drawn("model.mini", { n_tok: 29, n_entry: 75, topk: 16, start: 271, n_head: 8, window: 128 }, true),
  drawn(
    "model.flash",
    { n_tok: 8, n_entry: 1026, topk: 512, start: 4096, n_head: 64, window: 128, raw0: 3969 },
    true,
  ),
  drawn(
    "model.pro",
    { n_tok: 1, n_entry: 4099, topk: 1024, start: 16_396, n_head: 64, window: 128, raw0: 16_269 },
    true,
  ),
  drawn(
    "model.prompt",
    { n_tok: 33, n_entry: 905, topk: 128, start: 3590, n_head: 64, window: 128, raw0: 3463 },
    true,
  ),
];

// one entry, one tile less and more, as many CTAs as a cluster has and more, entries of a CTA in several tiles
const entries = [1, 2, 127, 128, 129, 255, 256, 257, 511, 513, 1023, 1024, 1025, 2049, 3000].map(
  (n_entry, i) => {
    const n_tok = 1 + (i % 4);
    const shape = { n_tok, n_entry, topk: Math.ceil(n_entry / 3), start: 4 * n_entry - n_tok };
    return drawn(`n_entry=${n_entry}`, { ...shape, n_head: [1, 3, 16, 64][i % 4] });
  },
);

// a token a cluster of eight, then two to four; the last cluster has fewer
const tokens = [
  { n_tok: 16, n_head: 3 },
  { n_tok: 17, n_head: 3 },
  { n_tok: 34, n_head: 16 },
  { n_tok: 50, n_head: 1 },
  { n_tok: 67, n_head: 17 },
].map((t) =>
  drawn(`n_tok=${t.n_tok}.n_head=${t.n_head}`, { ...t, n_entry: 1030, topk: 200, start: 4119 - t.n_tok }),
);
// more clusters than run at once: of four CTAs, of three, of one
const clusters = [
  { n_tok: 130, n_entry: 1030 },
  { n_tok: 170, n_entry: 1030 },
  { n_tok: 600, n_entry: 300 },
].map((t) =>
  drawn(`n_tok=${t.n_tok}.n_entry=${t.n_entry}`, {
    ...t,
    topk: 50,
    start: 4 * t.n_entry - t.n_tok,
    n_head: 1,
  }),
);
// two tokens whose heads just fit a tile's columns, one whose do, more than do
const heads = [
  { n_tok: 43, n_head: 119 },
  { n_tok: 43, n_head: 121 },
  { n_tok: 2, n_head: 240 },
  { n_tok: 2, n_head: 241 },
].map((t) =>
  drawn(`n_tok=${t.n_tok}.n_head=${t.n_head}`, { ...t, n_entry: 260, topk: 50, start: 1039 - t.n_tok }),
);

const shapes = [
  drawn("one", { n_tok: 1, n_entry: 1, topk: 1, start: 0, ratio: 1, window: 1, n_head: 1 }),
  drawn("width=7", { n_tok: 2, n_entry: 70, topk: 9, start: 300, width: 7 }),
  drawn("width=136", { n_tok: 2, n_entry: 300, topk: 90, start: 1300, width: 136, n_head: 65 }),
  drawn("window=0", { n_tok: 3, n_entry: 140, topk: 7, start: 557, window: 0 }),
  drawn("window=4000", { n_tok: 2, n_entry: 140, topk: 7, start: 557, window: 4000 }),
  drawn("long", { n_tok: 1, n_entry: 40_001, topk: 513, start: 159_990 }),
  // scores as large as a heavy-tailed input makes them
  {
    name: "std=10",
    attrs: attrs({ n_tok: 20, n_entry: 300, topk: 64, start: 1190 }, 1),
    make: (g: Inputs) =>
      inputs(g, { n_tok: 20, n_entry: 300, topk: 64, start: 1190, n_head: 16 }, [117, 137], 10),
  },
];

/** All scores differ, and those that no token may see are the largest. */
const rising = (_: Inputs, i: number, n: number): number => 1 + ((i + n) % 2) / 2;
const visible = [
  // the window reaches before token 0, no entry is visible yet, then the first is
  given("start=0", { n_tok: 9, n_entry: 3, topk: 2, start: 0 }, rising, (n) => 2 ** n),
  given("none-visible", { n_tok: 2, n_entry: 9, topk: 4, start: 60, ratio: 128, raw0: 50 }, rising),
  given("entries-below-topk", { n_tok: 2, n_entry: 5, topk: 12, start: 40 }, rising),
  ...[511, 512, 513].map((n_entry) =>
    drawn(`n_entry=${n_entry}.topk=512`, { n_tok: 3, n_entry, topk: 512, start: 2052 }),
  ),
  ...[
    [1, 4],
    [31, 33],
    [126, 60],
    [255, 256],
    [510, 512],
  ].map(([first, topk]) =>
    given(
      `visible=${first}..${first + 8}.topk=${topk}`,
      { n_tok: 30, n_entry: first + 8, topk, start: 4 * first - 1 },
      rising,
      (n) => 2 ** Math.floor(n / 8),
    ),
  ),
  // tokens of a cluster that see nothing, all they see, some of a tile, some of another CTA's, everything
  given("apart", { n_tok: 60, n_entry: 1500, topk: 40, start: 3, step: 100 }, (g) =>
    pick(g, [1, 1.5, 2, 3, -1]),
  ),
];

const wide = { n_tok: 3, n_entry: 2300, topk: 700, start: 9198 };
const pairs = { ...wide, n_tok: 30, start: 9171 };
const values = [
  given("ties.all", wide, () => 1),
  given("ties.zero", wide, () => 0),
  given("ties.all.tokens", pairs, () => 1),
  given("ties.two-values", wide, (g) => pick(g, [1, -2])),
  given("ties.few-above", pairs, (g) => (g.random() < 0.02 ? 6 : pick(g, [0.5, 0.5, 0.5, -1]))),
  // equals up to one CTA's last entry and from the next one's first on
  given("ties.boundary", wide, (_, i, n) => (n % 256 > 250 - i || n % 256 < 3 ? 3 : n % 5 === 0 ? 2 : 0.5)),
  given("falling", wide, rising, (n) => 2 ** -Math.floor(n / 20)),
  given("rising", wide, rising, (n) => 2 ** Math.floor(n / 20)),
  // digits: scores that differ in their lowest byte, their highest
  {
    name: "digits.low",
    attrs: attrs(wide, 1),
    make: (g: Inputs) => ({
      ...inputs(g, { ...wide, n_head: 3 }),
      // 1 + j 2^-23, j in 0..7: a one beside small numbers
      q: g.from("e2m1", [3, 3, 128], (i) => Number(i % 32 === 0)),
      q_s: g.from("ue8m0", [3, 3, 4], () => 1),
      k: g.from("e2m1", [2300, 128], (i) =>
        i % 128 === 0 ? 1 : i % 128 === 32 ? Math.floor(g.random() * 8) / 2 : 0,
      ),
      k_s: g.from("ue8m0", [2300, 4], (i) => (i % 4 === 1 ? 2 ** -22 : 1)),
      w: g.from("bf16", [3, 3], (i) => Number(i % 3 === 0)),
    }),
  },
  {
    name: "nan.some",
    attrs: attrs(wide, scaleOf(wide)),
    make: (g: Inputs) => ({
      ...inputs(g, wide),
      k_s: g.from("ue8m0", [2300, 4], (i) => (i % 29 === 3 ? NaN : 1)),
    }),
  },
  {
    // fewer numbers than topk: the rest of the choice is NaN from the lowest index on
    name: "nan.most",
    attrs: attrs(pairs, scaleOf(pairs)),
    make: (g: Inputs) => ({
      ...inputs(g, pairs),
      k_s: g.from("ue8m0", [2300, 4], (i) => ((i >> 2) % 4 !== 1 && i % 4 === 2 ? NaN : 1)),
    }),
  },
  {
    name: "nan.all",
    attrs: attrs(wide, scaleOf(wide)),
    make: (g: Inputs) => ({ ...inputs(g, wide), w: g.from("bf16", [3, HEADS], () => NaN) }),
  },
  {
    // a head's weight sends every entry that answers it beyond f32; -inf ranks below every number and above NaN
    name: "inf",
    attrs: attrs({ ...wide, topk: 100 }, 1),
    make: (g: Inputs) => ({
      q: g.from("e2m1", [3, 2, 128], (i) => Number(i % 128 === 32 * ((i >> 7) % 2))),
      q_s: g.from("ue8m0", [3, 2, 4], () => 1),
      k: g.from("e2m1", [2300, 128], (i) => (i % 32 === 0 ? pick(g, [6, 0, -1]) : 0)),
      k_s: g.from("ue8m0", [2300, 4], (i) => (i % 92 === 17 ? NaN : 2 ** 10)),
      w: g.from("bf16", [3, 2], (i) => (i % 2 === 0 ? 1 : i === 3 ? 3e38 : -3e38)),
      pos: positions(g, wide),
    }),
  },
];

export default suite(op, [
  ...model,
  ...entries,
  ...tokens,
  ...clusters,
  ...heads,
  ...shapes,
  ...visible,
  ...values,
]);
