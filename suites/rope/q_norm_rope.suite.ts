import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/rope/q_norm_rope.op.ts";
import { plainFreq, POSITIONS, yarnFreq } from "./positions.ts";

type C = Case<typeof op>;
const attrs = { eps: 1e-6 };

const model = (name: string, n_tok: number, n_head: number): C => ({
  name: `model.${name}`,
  bench: true,
  attrs,
  make: (g) => ({
    q: g.heavy("bf16", [n_tok, n_head, 512]),
    pos: g.ints([n_tok], 0, 1 << 20),
    freq: yarnFreq(32),
  }),
});
const shape = (n_tok: number, n_head: number, head_dim: number, n_freq: number): C => ({
  name: `n_tok=${n_tok}.n_head=${n_head}.head_dim=${head_dim}.n_freq=${n_freq}`,
  attrs,
  make: (g) => ({
    q: g.normal("bf16", [n_tok, n_head, head_dim]),
    pos: g.ints([n_tok], 0, 5000),
    freq: plainFreq(n_freq),
  }),
});
const positions = (name: string, freq: typeof plainFreq): C => ({
  name: `positions.${name}`,
  attrs,
  make: (g) => ({
    q: g.normal("bf16", [POSITIONS.length, 3, 128], { std: 5 }),
    pos: g.from("i32", [POSITIONS.length], (i) => POSITIONS[i]),
    freq: freq(32),
  }),
});

const corners: C[] = [
  {
    // heads that differ in size by 2^40: each has its own norm; one is zero
    name: "heads.sizes",
    attrs,
    make: (g) => ({
      q: g.from("bf16", [2, 6, 136], (i) => {
        const head = Math.floor(i / 136) % 6;
        return head === 5 ? 0 : (g.random() - 0.5) * 2 ** (8 * head - 16);
      }),
      pos: g.from("i32", [2], (i) => 3 + i),
      freq: plainFreq(12),
    }),
  },
  {
    name: "eps.same-size",
    attrs,
    make: (g) => ({
      q: g.normal("bf16", [3, 2, 64], { std: 1e-3 }),
      pos: g.from("i32", [3], (i) => 100 * i),
      freq: plainFreq(8),
    }),
  },
];

export default suite(op, [
  model("prefill", 11, 4),
  model("decode", 1, 4),
  model("pro", 1, 128),
  positions("theta=10000", plainFreq),
  positions("theta=160000", yarnFreq),
  shape(3, 9, 320, 24),
  shape(2, 11, 67, 11),
  shape(4, 1, 70, 4),
  shape(1, 2, 64, 32),
  shape(1, 1, 2, 1),
  ...corners,
]);
