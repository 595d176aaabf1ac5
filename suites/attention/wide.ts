/** Heads of 512 channels: tiles of 64 heads and 64 keys, an anchor that moves from tile to tile, lists that clusters share. */
import type { Inputs } from "../../harness/suite.ts";
import type { Tensor } from "../../oracle/tensor.ts";
import { attrs, inputs, listed, shape, sinksBetween, type C, type Shape } from "./lists.ts";

const few = { n_tok: 2, n_head: 3, head_dim: 512, n_kv: 350, n_key: 330 };
/** So many tokens that clusters have no multiprocessors left: every CTA goes through its list alone. */
const many = { ...few, n_tok: 75, n_head: 1, n_key: 200 };

/** The same in clusters and alone. */
const both = (name: string, make: (name: string, s: Shape) => C): C[] => [
  make(name, few),
  make(`${name}.alone`, many),
];

export const span = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Element 0 of every row as `f` says. */
function channel0(g: Inputs, x: Tensor, f: (row: number) => number): Tensor {
  const data = Uint16Array.from(x.data as Uint16Array);
  const rows = data.length / 512;
  (g.from("bf16", [rows], f).data as Uint16Array).forEach((code, row) => (data[row * 512] = code));
  return { ...x, data };
}

/** Channel 0 of a pool row decides its score, `log2(row)` and noise of size 1; slot j lists row `slot(j)`. */
const ranked =
  (log2: (row: number) => number, slot: (j: number, n_key: number) => number) =>
  (name: string, s: Shape): C => ({
    name,
    attrs: attrs(s),
    make: (g) => {
      const t = inputs(g, s);
      return {
        ...t,
        q: channel0(g, t.q, () => 16),
        kv: channel0(g, t.kv, (row) => (log2(row) * Math.LN2 * Math.sqrt(512)) / 16),
        idx: g.from("i32", [s.n_tok, s.n_key], (i) => slot(i % s.n_key, s.n_key)),
      };
    },
  });

const heads = [1, 4, 63, 64, 65, 128].map((n_head) =>
  shape(`wide.heads=${n_head}`, { ...few, n_head, n_key: 131 + n_head }),
);

const keys = [
  0,
  ...span(1, 9),
  ...span(31, 33),
  ...span(63, 65),
  ...span(127, 132),
  ...span(252, 260),
  1152,
].map((n_key) => shape(`wide.keys=${n_key}`, { ...few, n_key, masked: n_key < 3 ? 0 : 0.1 }));

// clusters of 2 with five tiles each, of 4, of 8
const splits = [
  shape("wide.tokens=40.keys=600", { ...few, n_tok: 40, n_head: 2, n_key: 600 }),
  shape("wide.tokens=20.keys=260", { ...few, n_tok: 20, n_head: 2, n_key: 260 }),
  shape("wide.tokens=1.heads=65.keys=1152", { ...few, n_tok: 1, n_head: 65, n_key: 1152, peak: 3 }),
];

const lastTile = (n_key: number): number => 64 * Math.floor((n_key - 1) / 64);

const lists = [
  listed("wide.masked.all", few, () => -1),
  ...both("wide.masked.first-tile", (name, s) =>
    listed(name, s, (tok, j) => (j < 64 ? -1 : (tok + 3 * j) % s.n_kv)),
  ),
  ...both("wide.masked.last-tile", (name, s) =>
    listed(name, s, (tok, j) => (j >= lastTile(s.n_key) ? -1 : (tok + 3 * j) % s.n_kv)),
  ),
  ...both("wide.masked.tokens", (name, s) =>
    listed(name, s, (tok, j) => (tok % 2 === 0 ? -1 : (5 * j + tok) % s.n_kv)),
  ),
  listed("wide.masked.but-last", few, (tok, j) => (j === few.n_key - 1 ? 7 * tok + 1 : -1)),
  listed("wide.one-row", few, (tok) => 11 * tok + 5, 3),
  listed("wide.two-rows", few, (tok, j) => (j % 3 === 0 ? 7 : tok + 8), 3),
  listed("wide.permuted", few, (tok, j) => (j * 157 + 31 * tok) % few.n_kv, 2),
];

// where the anchor moves: in every tile, never after the first, in the last alone, by steps that leave all tiles their weight
export const rising = ranked(
  (row) => row / 4 - 40,
  (j) => j,
);
const steps = ranked(
  (row) => 2 * Math.floor(row / 64),
  (j) => j,
);
const falling = ranked(
  (row) => row / 4 - 40,
  (j, n) => n - 1 - j,
);
const last = ranked(
  (row) => (row === 0 ? 6 : 0),
  (j, n) => (j === n - 1 ? 0 : j + 1),
);
const anchors = [
  ...both("wide.anchor.rising", rising),
  ...both("wide.anchor.steps", steps),
  falling("wide.anchor.falling", few),
  last("wide.anchor.last", few),
];

const sinks = [1, 2, 3, 4].flatMap((n_key) =>
  [8, 100].map((size): C => {
    const s = { ...few, n_head: 6, n_key, masked: 0 };
    return {
      name: `wide.sinks+-${size}.keys=${n_key}`,
      attrs: attrs(s),
      make: (g) => ({
        ...inputs(g, s),
        sink: g.from("f32", [6], (h) => [-size, 0, size, 1.0071, -size / 2, -Infinity][h]),
      }),
    };
  }),
);

const corners: C[] = [
  sinksBetween("wide.sinks.between-bf16", { ...few, n_tok: 16, n_key: 2, masked: 0 }),
  {
    // pages that no list names: the first row (where a clamped -1 would go), the last, and every third
    name: "wide.nan.free-rows",
    attrs: attrs(few),
    make: (g) => {
      const t = inputs(g, few);
      const data = Uint16Array.from(t.kv.data as Uint16Array);
      const free = (row: number): boolean => row === 0 || row === few.n_kv - 1 || row % 3 === 1;
      for (let row = 0; row < few.n_kv; row++) if (free(row)) data.fill(0x7fc0, row * 512, (row + 1) * 512);
      const named = span(0, few.n_kv - 1).filter((row) => !free(row));
      return {
        ...t,
        kv: { ...t.kv, data },
        idx: g.from("i32", [2, few.n_key], (i) => (i % 7 === 3 ? -1 : named[(i * 13) % named.length])),
      };
    },
  },
  {
    // NaN in a row that token 1 names, and in a head of token 0
    name: "wide.nan.named",
    attrs: attrs(few),
    make: (g) => {
      const t = inputs(g, few);
      const [q, kv] = [t.q, t.kv].map((x) => Uint16Array.from(x.data as Uint16Array));
      q[512 + 100] = 0x7fc0;
      kv[349 * 512 + 3] = 0xffc0;
      return {
        ...t,
        q: { ...t.q, data: q },
        kv: { ...t.kv, data: kv },
        idx: g.from("i32", [2, few.n_key], (i) => (i === 2 * few.n_key - 1 ? 349 : (i * 3) % 349)),
      };
    },
  },
  {
    // Scores of 2^100 and -2^100 and between, one product each, so that no order of summation matters. Heads 0 and 1 meet the same two
    // best keys; all of head 2's lie far below its sink, head 3 has none.
    name: "wide.huge",
    attrs: { scale: 1 },
    make: (g) => {
      const s = { ...few, n_tok: 1, n_head: 4, masked: 0 };
      const t = inputs(g, s);
      const one = (h: number): number => [1, 1, -1, -1][h] * 2 ** 60;
      return {
        ...t,
        q: channel0(
          g,
          g.from("bf16", [1, 4, 512], () => 0),
          one,
        ),
        kv: channel0(g, t.kv, (row) => (row === 77 || row === 200 ? 2 ** 40 : (row % 9) * 2 ** 36)),
        idx: g.from("i32", [1, s.n_key], (i) => i),
        sink: g.from("f32", [4], (h) => [0, 3e38, 0, -Infinity][h]),
      };
    },
  },
  {
    // head h of token t looks at one key: its output is that key's row
    name: "wide.one-hot",
    attrs: { scale: 64 },
    make: (g) => ({
      ...inputs(g, { ...few, n_head: 70, n_kv: 150, n_key: 150 }),
      q: g.from("bf16", [2, 70, 512], (i) => (i % 512 === (11 * Math.floor(i / 512)) % 150 ? 16 : 0)),
      kv: g.from("bf16", [150, 512], (i) => (i % 512 === Math.floor(i / 512) ? 16 : ((i * 7) % 33) / 64)),
      idx: g.from("i32", [2, 150], (i) => (i * 7) % 150),
    }),
  },
];

export const wide: readonly C[] = [...heads, ...keys, ...splits, ...lists, ...anchors, ...sinks, ...corners];
