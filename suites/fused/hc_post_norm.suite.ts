import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/hc_post_norm.op.ts";
import { attrs, normCorners, output, SHAPES, toNorm, toPost } from "./streams.ts";

type C = Case<typeof op>;

const sublayer = (g: Inputs, n_tok: number, d_model: number) => ({
  ...output(g, n_tok, d_model),
  ...toPost(g, n_tok, d_model),
});
const shapes = SHAPES.map(({ n_tok, d_model, ...c }): C => ({
  ...c,
  attrs,
  make: (g) => ({ ...sublayer(g, n_tok, d_model), ...toNorm(g, d_model) }),
}));

const corners: C[] = [
  {
    // comb is a cycle: stream j goes to j + 1 and nowhere else, so a transposed matrix moves it to j - 1
    name: "cycle",
    attrs,
    make: (g) => ({
      ...sublayer(g, 3, 136),
      ...toNorm(g, 136),
      post_in: g.from("f32", [3, 4], () => 0),
      comb_in: g.from("f32", [3, 4, 4], (i) => (i % 4 === (Math.floor(i / 4) + 1) % 4 ? 1 : 0)),
    }),
  },
];

export default suite(op, [...shapes, ...corners, ...normCorners(sublayer)]);
