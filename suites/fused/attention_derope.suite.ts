import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/attention_derope.op.ts";
import { attrs, inputs, type Shape } from "../attention/lists.ts";
import { plainFreq, POSITIONS, yarnFreq } from "../rope/positions.ts";

type C = Case<typeof op>;

/** Every token at a position of its own: one turned by another's angle is far off. */
const attend = (name: string, s: Shape, n_freq: number, freq = yarnFreq, bench?: true): C => ({
  name,
  ...(bench && { bench }),
  attrs: attrs(s),
  make: (g) => ({
    ...inputs(g, s),
    pos: g.from("i32", [s.n_tok], (i) => POSITIONS[(i + 3) % POSITIONS.length]),
    freq: freq(n_freq),
  }),
});
const small = { n_tok: 3, n_head: 5, head_dim: 72, n_kv: 50, n_key: 21 };
const wide = { n_tok: 2, n_head: 3, head_dim: 512, n_kv: 350, n_key: 330 };
/** So many tokens that clusters have no multiprocessors left: every CTA goes through its list alone. */
const alone = { ...wide, n_tok: 75, n_head: 2, n_key: 70 };

const masked = (name: string, s: Shape): C => {
  const c = attend(name, s, 32);
  return {
    ...c,
    make: (g) => ({
      ...c.make(g),
      // every other token without keys: nothing to turn
      idx: g.from("i32", [s.n_tok, s.n_key], (i) => {
        const tok = Math.floor(i / s.n_key);
        return tok % 2 === 0 ? -1 : (7 * tok + 3 * i) % s.n_kv;
      }),
    }),
  };
};

export default suite(op, [
  attend("model.mini", { ...wide, n_tok: 5, n_head: 4, n_key: 144 }, 32, yarnFreq, true),
  attend("model.flash", { ...wide, n_tok: 1, n_head: 64, n_key: 640, n_kv: 700 }, 32, yarnFreq, true),
  attend(
    "model.pro",
    { ...wide, n_tok: 1, n_head: 128, n_key: 136, n_kv: 330, masked: 0 },
    32,
    yarnFreq,
    true,
  ),

  // heads and keys around a tile's 64, in clusters and alone
  attend("wide.heads=65.keys=63", { ...wide, n_head: 65, n_key: 63 }, 32, plainFreq),
  attend("wide.heads=63.keys=129", { ...wide, n_head: 63, n_key: 129 }, 32, plainFreq),
  attend("wide.alone", alone, 32),
  attend("wide.keys=0", { ...wide, n_key: 0 }, 32),
  masked("wide.masked", wide),
  masked("wide.masked.alone", alone),
  // other shares of the head: all channels turned, four, a rotation that begins inside a vector
  attend("wide.n_freq=256", { ...wide, n_key: 65 }, 256, plainFreq),
  attend("wide.n_freq=2", { ...wide, n_tok: 70, n_head: 1, n_key: 9 }, 2, plainFreq),
  attend("wide.n_freq=37", { ...wide, n_key: 65 }, 37, plainFreq),

  // heads of other widths: rows of vectors and rows off the 16-byte grid
  attend("dim=72", small, 6, plainFreq),
  attend("dim=70", { ...small, head_dim: 70 }, 11, plainFreq),
  attend("dim=2", { ...small, head_dim: 2, n_head: 17 }, 1, plainFreq),
  attend("dim=1030.keys=1290", { ...small, n_tok: 1, n_head: 2, head_dim: 1030, n_key: 1290 }, 32),
]);
