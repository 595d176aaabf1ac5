import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/gate_hash_dispatch.op.ts";

type C = Case<typeof op>;
const attrs = { route_scale: 2.5 };

const inputs = (g: Inputs, n_tok: number, n_expert: number, n_act: number, vocab: number) => {
  const rows = Array.from({ length: vocab }, () => g.permutation(n_expert).subarray(0, n_act));
  return {
    logits: g.normal("f32", [n_tok, n_expert], { std: 2 }),
    tok: g.ints([n_tok], 0, vocab),
    tid2eid: g.from("i32", [vocab, n_act], (i) => rows[Math.floor(i / n_act)][i % n_act]),
  };
};
const model = (name: string, n_tok: number, n_expert: number, vocab: number): C => ({
  name: `model.${name}`,
  bench: true,
  attrs,
  make: (g) => inputs(g, n_tok, n_expert, 6, vocab),
});
const shape = (n_tok: number, n_expert: number, n_act: number, vocab: number): C => ({
  name: `n_tok=${n_tok}.n_expert=${n_expert}.n_act=${n_act}.vocab=${vocab}`,
  attrs,
  make: (g) => inputs(g, n_tok, n_expert, n_act, vocab),
});

const corners: C[] = [
  {
    // an expert named twice by a token has two rows of it
    name: "duplicates",
    attrs,
    make: (g) => ({ ...inputs(g, 70, 8, 6, 20), tid2eid: g.ints([20, 6], 0, 3) }),
  },
  {
    name: "ids.first-and-last",
    attrs,
    make: (g) => ({ ...inputs(g, 6, 11, 5, 77), tok: g.from("i32", [6], (i) => (i % 2) * 76) }),
  },
];

export default suite(op, [
  model("mini", 29, 16, 1024),
  model("flash", 8, 256, 60),
  model("pro", 1, 384, 50),
  model("pro.8", 8, 384, 50),
  shape(1, 1, 1, 1),
  shape(31, 9, 4, 5),
  shape(33, 300, 8, 70),
  // more tokens than threads
  shape(259, 12, 3, 100),
  ...corners,
]);
