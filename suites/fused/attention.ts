/** Cases of attention whose output is turned back: out of a pool of rows or, with heads of 512 channels, out of pages. */
import type { Case } from "../../harness/suite.ts";
import type { op } from "../../kernels/fused/attention_derope.op.ts";
import { attrs, inputs, type Shape } from "../attention/lists.ts";
import { plainFreq, POSITIONS, yarnFreq } from "../rope/positions.ts";

export type C = Case<typeof op>;

/** Every token at a position of its own: one turned by another's angle is far off. */
export const attend = (name: string, s: Shape, n_freq: number, freq = yarnFreq, bench?: true): C => ({
  name,
  ...(bench && { bench }),
  attrs: attrs(s),
  make: (g) => ({
    ...inputs(g, s),
    pos: g.from("i32", [s.n_tok], (i) => POSITIONS[(i + 3) % POSITIONS.length]),
    freq: freq(n_freq),
  }),
});
const few = { n_tok: 2, n_head: 3, head_dim: 512, n_kv: 350, n_key: 330 };
/** So many tokens that clusters have no multiprocessors left: every CTA goes through its list alone. */
const alone = { ...few, n_tok: 75, n_head: 2, n_key: 70 };

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

/** Heads of 512 channels. */
export const wide: readonly C[] = [
  attend("model.mini", { ...few, n_tok: 5, n_head: 4, n_key: 144 }, 32, yarnFreq, true),
  attend("model.flash", { ...few, n_tok: 1, n_head: 64, n_key: 640, n_kv: 700 }, 32, yarnFreq, true),
  attend(
    "model.pro",
    { ...few, n_tok: 1, n_head: 128, n_key: 136, n_kv: 330, masked: 0 },
    32,
    yarnFreq,
    true,
  ),

  // heads and keys around a tile's 64, in clusters and alone
  attend("wide.heads=65.keys=63", { ...few, n_head: 65, n_key: 63 }, 32, plainFreq),
  attend("wide.heads=63.keys=129", { ...few, n_head: 63, n_key: 129 }, 32, plainFreq),
  attend("wide.alone", alone, 32),
  attend("wide.keys=0", { ...few, n_key: 0 }, 32),
  masked("wide.masked", few),
  masked("wide.masked.alone", alone),
  // other shares of the head: all channels turned, four, a rotation that begins inside a vector
  attend("wide.n_freq=256", { ...few, n_key: 65 }, 256, plainFreq),
  attend("wide.n_freq=2", { ...few, n_tok: 70, n_head: 1, n_key: 9 }, 2, plainFreq),
  attend("wide.n_freq=37", { ...few, n_key: 65 }, 37, plainFreq),

  // pairs of CTAs: where clusters have no multiprocessors left, and where a list is one tile
  attend("pair.heads=66.keys=129", { ...few, n_tok: 38, n_head: 66, n_key: 129 }, 32),
  attend("pair.heads=128.keys=64", { ...few, n_head: 128, n_key: 64 }, 32),
  attend("pair.heads=65.n_freq=37", { ...few, n_head: 65, n_key: 9 }, 37, plainFreq),
  masked("pair.masked", { ...few, n_tok: 3, n_head: 128, n_key: 33 }),
];
