import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/moe/gate_hash.op.ts";

type C = Case<typeof op>;
const attrs = { route_scale: 2.5 };

const inputs = (g: Inputs, n_tok: number, n_expert: number, n_act: number, vocab: number, std = 2) => {
  const rows = Array.from({ length: vocab }, () => g.permutation(n_expert).subarray(0, n_act));
  return {
    logits: g.normal("f32", [n_tok, n_expert], { std }),
    tok: g.ints([n_tok], 0, vocab),
    tid2eid: g.from("i32", [vocab, n_act], (i) => rows[Math.floor(i / n_act)][i % n_act]),
  };
};

const model: C[] = [
  { name: "model.mini", bench: true, attrs, make: (g) => inputs(g, 29, 16, 6, 1024) },
  { name: "model.pro", bench: true, attrs, make: (g) => inputs(g, 3, 384, 6, 50) },
];

const shapes = [
  [1, 1, 1, 1],
  [31, 9, 4, 5],
  [33, 40, 8, 70],
  [65, 12, 3, 100],
].map(([n_tok, n_expert, n_act, vocab]): C => ({
  name: `n_tok=${n_tok}.n_expert=${n_expert}.n_act=${n_act}.vocab=${vocab}`,
  attrs,
  make: (g) => inputs(g, n_tok, n_expert, n_act, vocab),
}));

const corners: C[] = [
  {
    name: "logits.extreme",
    attrs,
    make: (g) => ({
      ...inputs(g, 34, 20, 6, 40),
      logits: g.from("f32", [34, 20], (i) => [-30, -17, -3, 0, 19.5, 20, 20.5, 80, 200][(7 * i) % 9]),
    }),
  },
  {
    name: "duplicates",
    attrs,
    make: (g) => ({ ...inputs(g, 10, 8, 6, 20), tid2eid: g.ints([20, 6], 0, 3) }),
  },
  {
    name: "ids.first-and-last",
    attrs,
    make: (g) => ({ ...inputs(g, 6, 11, 5, 77), tok: g.from("i32", [6], (i) => (i % 2) * 76) }),
  },
];

export default suite(op, [...model, ...shapes, ...corners]);
