/** Cases of the fusions of scores and choice, in whatever format of heads and entries. */
import type { Case, Inputs } from "../../harness/suite.ts";
import type { op } from "../../kernels/fused/score_keys.op.ts";
import type { ScoreFormat } from "../index/scores.ts";

export type KeysCase = Case<typeof op>;

export interface Shape {
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

export const HEADS = 3;
export const attrs = (s: Shape, scale: number) => ({
  topk: s.topk,
  ratio: s.ratio ?? 4,
  window: s.window ?? 5,
  raw0: s.raw0 ?? 0,
  n_raw: s.start + s.n_tok - (s.raw0 ?? 0),
  scale,
});
export const positions = (g: Inputs, s: Shape) =>
  g.from("i32", [s.n_tok], (i) => s.start + (s.step ?? 1) * i);

/** width^-1/2 n_head^-1/2, as the model scales. */
const scaleOf = ({ n_head = HEADS, width = 128 }: Shape): number => Math.fround((n_head * width) ** -0.5);

const pick = (g: Inputs, from: readonly number[]): number => from[Math.floor(g.random() * from.length)];

/** All scores differ, and those that no token may see are the largest. */
const rising = (_: Inputs, i: number, n: number): number => 1 + ((i + n) % 2) / 2;
export const wide = { n_tok: 3, n_entry: 2300, topk: 700, start: 9198 };
export const pairs = { ...wide, n_tok: 30, start: 9171 };

export function keysCases(f: ScoreFormat): KeysCase[] {
  const inputs = (g: Inputs, s: Shape, scales?: readonly [number, number], std = 1) => ({
    ...f.drawn(g, [s.n_tok, s.n_head ?? HEADS, s.width ?? 128, s.n_entry], scales),
    w: g.normal("bf16", [s.n_tok, s.n_head ?? HEADS], { std }),
    pos: positions(g, s),
  });
  const drawn = (name: string, s: Shape, bench?: true): KeysCase => ({
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
    unit?: (n: number) => number,
  ): KeysCase => ({
    name,
    attrs: attrs(s, 1),
    make: (g) => {
      const v = Float64Array.from({ length: s.n_tok * s.n_entry }, (_, i) =>
        value(g, Math.floor(i / s.n_entry), i % s.n_entry),
      );
      return {
        ...f.given(g, [s.n_tok, 2, 128, s.n_entry], {
          q: (i) => Number(i % 128 === (Math.floor(i / 256) % 32) + 32 * ((i >> 7) % 2)),
          k: (i) => {
            const [n, token] = [i >> 7, i % 32];
            const x = token < s.n_tok ? v[token * s.n_entry + n] : 0;
            return i % 128 < 32 ? Math.max(x, 0) : i % 128 < 64 ? Math.max(-x, 0) : 0;
          },
          entry: unit,
        }),
        w: g.from("bf16", [s.n_tok, 2], (i) => 1 - 2 * (i % 2)),
        pos: positions(g, s),
      };
    },
  });

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

  const visible = [
    // the window reaches before token 0, no entry is visible yet, then the first is
    given("start=0", { n_tok: 9, n_entry: 3, topk: 2, start: 0 }, rising, (n) => 2 ** n),
    given("none-visible", { n_tok: 2, n_entry: 9, topk: 4, start: 60, ratio: 128, raw0: 50 }, rising),
    given("entries-below-topk", { n_tok: 2, n_entry: 5, topk: 12, start: 40 }, rising),
    // the first tokens that see one entry less, as many, and one more than they take
    ...[512, 1024].map((topk) =>
      drawn(`visible=${topk - 1}..${topk + 1}.topk=${topk}`, {
        ...{ n_tok: 8, n_entry: topk + 6, topk, start: 4 * topk - 3 },
      }),
    ),
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
    {
      name: "nan.some",
      attrs: attrs(wide, scaleOf(wide)),
      make: (g: Inputs) => f.spoiled(inputs(g, wide), (n) => n % 7 === 3),
    },
    {
      // fewer numbers than topk: the rest of the choice is NaN from the lowest index on
      name: "nan.most",
      attrs: attrs(pairs, scaleOf(pairs)),
      make: (g: Inputs) => f.spoiled(inputs(g, pairs), (n) => n % 4 !== 1),
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
      make: (g: Inputs) => {
        const t = f.given(g, [3, 2, 128, 2300], {
          q: (i) => Number(i % 128 === 32 * ((i >> 7) % 2)),
          k: (i) => (i % 32 === 0 ? pick(g, [6, 0, -1]) : 0),
          entry: () => 2 ** 10,
        });
        return {
          ...f.spoiled(t, (n) => n % 23 === 4),
          w: g.from("bf16", [3, 2], (i) => (i % 2 === 0 ? 1 : i === 3 ? 3e38 : -3e38)),
          pos: positions(g, wide),
        };
      },
    },
  ];
  return [...model, ...entries, ...tokens, ...clusters, ...heads, ...shapes, ...visible, ...values];
}
