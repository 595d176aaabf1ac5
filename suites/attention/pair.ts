/**
 * Heads of 512 channels by the hundred: pairs of CTAs take 128 of a token and half of each tile's keys. They do where clusters have no
 * multiprocessors left to share a list (`many`), and where a list is one tile.
 */
import { attrs, inputs, listed, shape, type C, type Shape } from "./lists.ts";
import { rising, span } from "./wide.ts";

const one = { n_tok: 2, n_head: 128, head_dim: 512, n_kv: 90, n_key: 64 };
const many = { ...one, n_tok: 38, n_head: 66, n_key: 129 };

const keys = [
  ...span(1, 9).map((n_key) => ({ ...one, n_key, masked: n_key < 3 ? 0 : 0.1 })),
  ...[31, 32, 33, 63, 64].map((n_key) => ({ ...one, n_key })),
  ...[65, 127, 128, 129].map((n_key) => ({ ...many, n_key })),
  { ...many, n_key: 200, peak: 2 },
].map((s) => shape(`pair.keys=${s.n_key}`, s));

/** CTAs without a full block of heads. */
const heads = [65, 127, 193, 256].map((n_head) => shape(`pair.heads=${n_head}`, { ...one, n_head }));
/** Three blocks: single CTAs. */
const odd = shape("odd.heads=192", { ...one, n_head: 192 });

const lists = [
  listed("pair.masked.all", one, () => -1),
  listed("pair.masked.between", one, (tok, j) => ((j + tok) % 3 === 1 ? -1 : (tok + 7 * j) % one.n_kv)),
  // a CTA without keys
  listed("pair.masked.first-half", one, (tok, j) => (j < 32 ? -1 : (tok + j) % one.n_kv)),
  listed("pair.masked.second-half", one, (tok, j) => (j >= 32 ? -1 : (tok + j) % one.n_kv)),
  listed("pair.masked.tiles", many, (tok, j) => (Math.floor(j / 64) === tok % 3 ? -1 : (tok + j) % 90)),
];

const sinks = [1, 2, 64].map((n_key): C => {
  const s: Shape = { ...one, n_key, masked: 0 };
  return {
    name: `pair.sinks+-8.keys=${n_key}`,
    attrs: attrs(s),
    make: (g) => ({
      ...inputs(g, s),
      sink: g.from("f32", [s.n_head], (h) => [-8, 0, 8, 1.0071, -30, -Infinity, 100][h % 7]),
    }),
  };
});

/** Head h of token t looks at one key: its output is that key's row. */
const oneHot: C = {
  name: "pair.one-hot",
  attrs: { scale: 64 },
  make: (g) => ({
    ...inputs(g, { ...one, n_kv: 64 }),
    q: g.from("bf16", [2, 128, 512], (i) => (i % 512 === (11 * Math.floor(i / 512)) % 64 ? 16 : 0)),
    kv: g.from("bf16", [64, 512], (i) => (i % 512 === Math.floor(i / 512) ? 16 : ((i * 7) % 33) / 64)),
    idx: g.from("i32", [2, 64], (i) => (i * 7) % 64),
  }),
};

/** Rows that no list names are NaN. */
const nan: C = {
  name: "pair.nan.free-rows",
  attrs: attrs(one),
  make: (g) => {
    const t = inputs(g, one);
    const data = Uint16Array.from(t.kv.data as Uint16Array);
    for (let row = 0; row < one.n_kv; row += 3) data.fill(0x7fc0, row * 512, (row + 1) * 512);
    const row = (i: number): number => 3 * ((i * 13) % 30) + 1 + (i % 2);
    return { ...t, kv: { ...t.kv, data }, idx: g.from("i32", [2, 64], (i) => (i % 7 === 3 ? -1 : row(i))) };
  },
};

export const pair: readonly C[] = [
  ...keys,
  ...heads,
  odd,
  ...lists,
  rising("pair.anchor.rising", { ...many, n_kv: 330, n_key: 260 }),
  ...sinks,
  oneHot,
  nan,
];
