import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/combine_post.op.ts";
import { inEveryOrder, SHAPES, toCombine, toPost } from "./streams.ts";

type C = Case<typeof op>;

const shapes = SHAPES.map(({ n_tok, d_model, ...c }): C => ({
  ...c,
  make: (g) => ({ ...toCombine(g, n_tok, 6, d_model), ...toPost(g, n_tok, d_model) }),
}));

const corners: C[] = [
  { name: "order", make: (g) => ({ ...inEveryOrder(g, 40), ...toPost(g, 6, 40) }) },
  {
    // sums half way between two bf16: ties to even, in z and, where comb is 0 and post 1, in the streams
    name: "ties",
    make: (g) => ({
      routed: g.from("bf16", [4, 72], (i) => 1 + (i % 72) / 128),
      slot_row: g.from("i32", [4, 1], (i) => 3 - i),
      shared: g.from("bf16", [4, 72], () => 1 / 256),
      ...toPost(g, 4, 72),
      post_in: g.from("f32", [4, 4], () => 1),
      comb_in: g.from("f32", [4, 4, 4], () => 0),
    }),
  },
  {
    name: "shared-rows",
    make: (g) => ({
      ...toCombine(g, 4, 3, 24),
      slot_row: g.from("i32", [4, 3], (i) => [0, 11, 11][i % 3]),
      ...toPost(g, 4, 24),
    }),
  },
];

export default suite(op, [...shapes, ...corners]);
