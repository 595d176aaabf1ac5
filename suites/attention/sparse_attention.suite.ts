import { suite } from "../../harness/suite.ts";
import { op } from "../../kernels/attention/sparse_attention.op.ts";
import { attrs, inputs, listed, shape, sinksBetween, type C } from "./lists.ts";
import { pair } from "./pair.ts";
import { wide } from "./wide.ts";

const small = { n_tok: 5, n_head: 4, head_dim: 72, n_kv: 50, n_key: 21 };

export default suite(op, [
  shape("model.prefill", { n_tok: 5, n_head: 4, head_dim: 512, n_kv: 160, n_key: 144 }, true),
  shape("model.decode", { n_tok: 1, n_head: 4, head_dim: 512, n_kv: 330, n_key: 136, masked: 0 }, true),
  shape("model.peaked", { n_tok: 2, n_head: 4, head_dim: 512, n_kv: 150, n_key: 137, peak: 3 }),

  // one of everything; heads around 16, channels around 32, 64 and 512, keys around 16 and 64 and beyond one chunk of scores
  shape("one", { n_tok: 1, n_head: 1, head_dim: 1, n_kv: 1, n_key: 1, masked: 0 }),
  shape("heads=3.dim=33", { n_tok: 4, n_head: 3, head_dim: 33, n_kv: 20, n_key: 17 }),
  shape("heads=16.dim=40", { n_tok: 3, n_head: 16, head_dim: 40, n_kv: 70, n_key: 65 }),
  shape("heads=17.dim=96", { n_tok: 3, n_head: 17, head_dim: 96, n_kv: 31, n_key: 63 }),
  shape("heads=35.dim=200", { n_tok: 2, n_head: 35, head_dim: 200, n_kv: 90, n_key: 130, peak: 2 }),
  shape("heads=128.dim=64", { n_tok: 2, n_head: 128, head_dim: 64, n_kv: 33, n_key: 15 }),
  shape("dim=520", { n_tok: 2, n_head: 2, head_dim: 520, n_kv: 30, n_key: 20 }),
  shape("dim=1030", { n_tok: 1, n_head: 2, head_dim: 1030, n_kv: 12, n_key: 9 }),
  shape("keys=1281", { n_tok: 1, n_head: 5, head_dim: 64, n_kv: 700, n_key: 1281, peak: 3 }),
  shape("keys=2600.dim=576", { n_tok: 1, n_head: 2, head_dim: 576, n_kv: 400, n_key: 2600, peak: 4 }),

  // whole rows without keys: first, middle, last
  listed("masked.rows", small, (tok, j) => (tok % 2 === 0 ? -1 : (7 * tok + 3 * j) % 50)),
  listed("masked.head-of-list", { ...small, n_key: 150 }, (tok, j) => (j < 100 + tok ? -1 : (tok + j) % 50)),
  listed("masked.tail-of-list", { ...small, n_key: 150 }, (tok, j) => (j > 3 + tok ? -1 : (tok + j) % 50)),
  listed("masked.keys=2600", { ...small, n_tok: 1, n_key: 2600 }, (_, j) =>
    j === 2599 || j === 3 ? j % 50 : -1,
  ),
  listed("masked.last-chunk", { ...small, n_tok: 2, n_key: 1300 }, (tok, j) =>
    j < 1280 ? (tok + j) % 50 : -1,
  ),
  listed("duplicates", small, (_, j) => (j < 15 ? 7 : 8), 4),

  // the sink weighs most when keys are few
  ...[1, 2, 4].map((n_key): C => {
    const s = { n_tok: 3, n_head: 6, head_dim: 64, n_kv: 9, n_key, masked: 0 };
    return {
      name: `sinks+-8.keys=${n_key}`,
      attrs: attrs(s),
      make: (g) => ({ ...inputs(g, s), sink: g.from("f32", [6], (h) => [-8, 0, 8, -1, 1.0071, -30][h]) }),
    };
  }),
  sinksBetween("sinks.between-bf16", { n_tok: 16, n_head: 6, head_dim: 64, n_kv: 9, n_key: 2, masked: 0 }),
  {
    // scores far below the sinks and far above: exp(sink - m) over- and underflows
    name: "sinks.far",
    attrs: { scale: 1 },
    make: (g) => ({
      ...inputs(g, { ...small, head_dim: 64, masked: 0 }),
      q: g.from("bf16", [5, 4, 64], (i) => [40, -40, 1, -1][Math.floor(i / 64) % 4]),
      kv: g.from("bf16", [50, 64], (i) => 1 + ((i >> 6) % 7) / 8 + (i % 5) / 16),
    }),
  },
  {
    // head h of token t looks at one key: its output is that key's row
    name: "one-hot",
    attrs: { scale: 64 },
    make: (g) => ({
      ...inputs(g, { n_tok: 3, n_head: 5, head_dim: 128, n_kv: 40, n_key: 40, masked: 0 }),
      q: g.from("bf16", [3, 5, 128], (i) => (i % 128 === (11 * Math.floor(i / 128)) % 40 ? 16 : 0)),
      kv: g.from("bf16", [40, 128], (i) => (i % 128 === Math.floor(i / 128) ? 16 : ((i * 7) % 33) / 64)),
      idx: g.from("i32", [3, 40], (i) => (i * 3) % 40),
    }),
  },
  {
    name: "heavy",
    attrs: { scale: 0.01 },
    make: (g) => ({ ...inputs(g, { ...small, head_dim: 80 }), kv: g.heavy("bf16", [50, 80]) }),
  },
  ...wide,
  ...pair,
]);
