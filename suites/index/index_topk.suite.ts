import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/index/index_topk.op.ts";

type C = Case<typeof op>;

interface Shape {
  readonly n_tok: number;
  readonly n_entry: number;
  readonly topk: number;
  readonly ratio: number;
  /** Position of the first token; each next one is 5 further. */
  readonly start: number;
}

const make = (g: Inputs, s: Shape, value?: (i: number) => number) => ({
  s: value ? g.from("f32", [s.n_tok, s.n_entry], value) : g.normal("f32", [s.n_tok, s.n_entry]),
  pos: g.from("i32", [s.n_tok], (i) => s.start + 5 * i),
});

const scores = (name: string, s: Shape, value?: (g: Inputs, i: number) => number, bench?: true): C => ({
  name,
  ...(bench && { bench }),
  attrs: { topk: s.topk, ratio: s.ratio },
  make: (g) => make(g, s, value && ((i) => value(g, i))),
});

const pick = (g: Inputs, from: readonly number[]): number => from[Math.floor(g.random() * from.length)];
const wide = { n_tok: 3, n_entry: 700, topk: 100, ratio: 4, start: 2790 };

/** Nine tokens that see `first`, `first` + 1, ... entries; what lies beyond is larger than all of them. */
const lengths = (first: number, topk: number, value?: (g: Inputs, i: number) => number): C => {
  const n_entry = first + 8;
  const s = { n_tok: 9, n_entry, topk, ratio: 5, start: 5 * first - 1 };
  const visible = (i: number): boolean => i % n_entry < first + Math.floor(i / n_entry);
  return scores(`lengths=${first}..${n_entry}.topk=${topk}`, s, (g, i) =>
    visible(i) ? (value?.(g, i) ?? g.random() - 0.5) : 9,
  );
};
/** All in order, up or down: the chosen ones are known, and lie at one end of what the CTA's threads share. */
const monotone = (n_entry: number, topk: number): C =>
  scores(
    `monotone.n_entry=${n_entry}.topk=${topk}`,
    { n_tok: 2, n_entry, topk, ratio: 1, start: n_entry },
    (_, i) => (i < n_entry ? i : n_entry - i),
  );

export default suite(op, [
  scores("model.mini", { n_tok: 29, n_entry: 75, topk: 16, ratio: 4, start: 151 }, undefined, true),
  scores("model.pro", { n_tok: 1, n_entry: 4099, topk: 1024, ratio: 4, start: 16399 }, undefined, true),

  scores("one", { n_tok: 1, n_entry: 1, topk: 1, ratio: 1, start: 0 }),
  scores("none-visible", { n_tok: 2, n_entry: 9, topk: 4, ratio: 128, start: 0 }),
  scores("entries-below-topk", { n_tok: 2, n_entry: 5, topk: 12, ratio: 4, start: 40 }),
  // fewer visible than topk, as many, one more; entries beyond the visible ones are larger and must not be taken
  scores(
    "visible=k-1..k+3",
    { n_tok: 4, n_entry: 60, topk: 31, ratio: 4, start: 119 },
    (_, i) => (i % 60) + 1,
  ),
  scores("topk=1", { n_tok: 3, n_entry: 257, topk: 1, ratio: 2, start: 505 }),
  scores("topk=n-1", { n_tok: 2, n_entry: 513, topk: 512, ratio: 1, start: 600 }),
  scores("long", { n_tok: 1, n_entry: 40001, topk: 513, ratio: 4, start: 159_990 }),

  scores("ties.all", wide, () => 0.25),
  scores("ties.two-values", wide, (g) => pick(g, [1, -2])),
  scores("ties.bf16-neighbours", wide, (g) => pick(g, [1, 1 + 2 ** -7, 1 + 2 ** -6])),
  scores("ties.low-bits", wide, (g) => 1 + Math.floor(g.random() * 8) * 2 ** -23),
  scores("ties.zero-signs", wide, (g) => pick(g, [0, -0, 0, -0, -1])),
  scores("ties.high-and-low", wide, (g) => pick(g, [3e38, -3e38, 1e-40, -1e-40])),
  scores("inf", wide, (g) => pick(g, [Infinity, -Infinity, 1, 2])),
  scores("-inf.most", wide, (g) => (g.random() < 0.05 ? 1 : -Infinity)),
  scores("nan.some", wide, (g) => (g.random() < 0.3 ? NaN : g.random() - 0.5)),
  scores("nan.most", wide, (g) => (g.random() < 0.95 ? NaN : pick(g, [-Infinity, -1, 1]))),
  scores("nan.all", wide, () => NaN),
  scores("falling", wide, (_, i) => -i),
  scores("rising", wide, (_, i) => i),

  // every length around a warp's, a CTA's and topk's; the CTA is larger from 8193 entries on
  lengths(1, 4),
  lengths(28, 31),
  lengths(124, 16),
  lengths(252, 256),
  lengths(508, 512),
  lengths(1020, 1024),
  lengths(2044, 512),
  lengths(4092, 1024),
  lengths(8188, 512),
  ...[2047, 2048, 2049, 8192, 8193, 16_385, 32_768].map((n) => monotone(n, 512)),
  monotone(4097, 1024),
  monotone(1025, 1024),

  // few values, as quantised scores have them, where topk is the model's
  scores("ties.topk=512", { n_tok: 2, n_entry: 4099, topk: 512, ratio: 4, start: 16_399 }, (g) =>
    pick(g, [0, 0, 0, 1, 2]),
  ),
  scores("ties.topk=1024", { n_tok: 2, n_entry: 9001, topk: 1024, ratio: 4, start: 36_011 }, (g) =>
    pick(g, [-0.5, 0.25, 0.25]),
  ),
  // fewer numbers than topk: the rest of the choice is -Infinity, then NaN, each from the lowest index on
  scores("numbers-below-topk", { n_tok: 3, n_entry: 1500, topk: 512, ratio: 4, start: 6000 }, (g, i) =>
    i % 1500 < 60 ? g.random() : pick(g, [NaN, NaN, NaN, -Infinity]),
  ),
  // no choice to make: NaN and -Infinity are listed like any entry
  scores("all-visible.not-numbers", { n_tok: 3, n_entry: 9, topk: 12, ratio: 4, start: 27 }, (g) =>
    pick(g, [NaN, -Infinity, Infinity, 1]),
  ),
]);
