import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/combine_post_norm.op.ts";
import { attrs, inEveryOrder, normCorners, SHAPES, toCombine, toNorm, toPost } from "./streams.ts";

type C = Case<typeof op>;

const experts = (g: Inputs, n_tok: number, d_model: number) => ({
  ...toCombine(g, n_tok, 6, d_model),
  ...toPost(g, n_tok, d_model),
});
const shapes = SHAPES.map(({ n_tok, d_model, ...c }): C => ({
  ...c,
  attrs,
  make: (g) => ({ ...experts(g, n_tok, d_model), ...toNorm(g, d_model) }),
}));

const corners: C[] = [
  {
    name: "order",
    attrs,
    make: (g) => ({ ...inEveryOrder(g, 40), ...toPost(g, 6, 40), ...toNorm(g, 40) }),
  },
];

export default suite(op, [...shapes, ...corners, ...normCorners(experts)]);
