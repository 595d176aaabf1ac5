import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/router_hash_dispatch.op.ts";
import { MODELS, nameOf, product, SHAPES, type Shape } from "./routers.ts";

type C = Case<typeof op>;
const attrs = { route_scale: 2.5 };

const table = (g: Inputs, { n_tok, n_expert }: Shape, n_act: number, vocab: number) => {
  const rows = Array.from({ length: vocab }, () => g.permutation(n_expert).subarray(0, n_act));
  return {
    tok: g.ints([n_tok], 0, vocab),
    tid2eid: g.from("i32", [vocab, n_act], (i) => rows[Math.floor(i / n_act)][i % n_act]),
  };
};

const model = Object.entries(MODELS).map(([name, s]): C => ({
  name: `model.${name}`,
  bench: true,
  attrs,
  make: (g) => ({ ...product(g, s), ...table(g, s, 6, 60) }),
}));

const shapes = SHAPES.map((x, i): C => {
  const [n_tok, n_expert, n_act, d_model] = x;
  const s = { n_tok, n_expert, d_model };
  return {
    name: nameOf(x),
    attrs: { route_scale: 1.5 },
    make: (g) => ({ ...product(g, s), ...table(g, s, n_act, 1 + 7 * i) }),
  };
});

const few = { n_tok: 11, n_expert: 140, d_model: 1032 };
const corners: C[] = [
  { name: "std10", attrs, make: (g) => ({ ...product(g, few, 10), ...table(g, few, 6, 40) }) },
  {
    // an expert named twice by a token has two rows of it
    name: "duplicates",
    attrs,
    make: (g) => {
      const s = { n_tok: 70, n_expert: 8, d_model: 64 };
      return { ...product(g, s), ...table(g, s, 6, 20), tid2eid: g.ints([20, 6], 0, 3) };
    },
  },
  {
    name: "ids.first-and-last",
    attrs,
    make: (g) => ({
      ...product(g, few),
      ...table(g, few, 5, 77),
      tok: g.from("i32", [few.n_tok], (i) => (i % 2) * 76),
    }),
  },
];

export default suite(op, [...model, ...shapes, ...corners]);
