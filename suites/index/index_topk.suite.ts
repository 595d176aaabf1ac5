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
]);
