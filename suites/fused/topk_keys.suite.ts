import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/topk_keys.op.ts";

type C = Case<typeof op>;

interface Shape {
  readonly n_tok: number;
  readonly n_entry: number;
  readonly topk: number;
  readonly ratio: number;
  readonly window: number;
  /** Position of the first token; the others follow. */
  readonly start: number;
  /** Token that row 0 of the pool holds. */
  readonly raw0?: number;
}

const keys = (name: string, s: Shape, value?: (g: Inputs, i: number) => number, bench?: true): C => ({
  name,
  ...(bench && { bench }),
  attrs: {
    topk: s.topk,
    ratio: s.ratio,
    window: s.window,
    raw0: s.raw0 ?? 0,
    n_raw: s.start + s.n_tok - (s.raw0 ?? 0),
  },
  make: (g) => ({
    s: value
      ? g.from("f32", [s.n_tok, s.n_entry], (i) => value(g, i))
      : g.normal("f32", [s.n_tok, s.n_entry]),
    pos: g.from("i32", [s.n_tok], (i) => s.start + i),
  }),
});

const pick = (g: Inputs, from: readonly number[]): number => from[Math.floor(g.random() * from.length)];
const wide = { n_tok: 3, n_entry: 700, topk: 100, ratio: 4, window: 128, start: 2795, raw0: 2668 };

export default suite(op, [
  keys(
    "model.mini",
    { n_tok: 29, n_entry: 75, topk: 16, ratio: 4, window: 128, start: 271 },
    undefined,
    true,
  ),
  keys(
    "model.flash",
    { n_tok: 8, n_entry: 1026, topk: 512, ratio: 4, window: 128, start: 4096, raw0: 3969 },
    undefined,
    true,
  ),
  keys(
    "model.pro",
    { n_tok: 1, n_entry: 4099, topk: 1024, ratio: 4, window: 128, start: 16_396, raw0: 16_269 },
    undefined,
    true,
  ),

  keys("one", { n_tok: 1, n_entry: 1, topk: 1, ratio: 1, window: 1, start: 0 }),
  keys("window=0", { n_tok: 3, n_entry: 40, topk: 7, ratio: 4, window: 0, start: 157 }),
  // the window reaches before token 0, no entry is visible yet, then the first is
  keys("start=0", { n_tok: 9, n_entry: 3, topk: 2, ratio: 4, window: 5, start: 0 }),
  keys("none-visible", { n_tok: 2, n_entry: 9, topk: 4, ratio: 128, window: 3, start: 60, raw0: 50 }),
  // fewer visible than topk, as many, one more; entries beyond the visible ones are larger and must not be taken
  keys(
    "visible=k-1..k+1",
    { n_tok: 9, n_entry: 60, topk: 31, ratio: 4, window: 37, start: 119 },
    (_, i) => (i % 60) + 1,
  ),
  // a window as wide as the CTA, one less, one more; a CTA of 1024 threads
  ...[255, 256, 257].map((window) =>
    keys(`window=${window}`, { n_tok: 2, n_entry: 257, topk: 129, ratio: 2, window, start: 513 }),
  ),
  keys("n_entry=8193", { n_tok: 1, n_entry: 8193, topk: 512, ratio: 4, window: 1025, start: 32_775 }),

  keys("ties.two-values", wide, (g) => pick(g, [1, -2])),
  keys("ties.low-bits", wide, (g) => 1 + Math.floor(g.random() * 8) * 2 ** -23),
  keys("nan.most", wide, (g) => (g.random() < 0.95 ? NaN : pick(g, [-Infinity, -1, 1]))),
  keys("falling", wide, (_, i) => -i),
]);
