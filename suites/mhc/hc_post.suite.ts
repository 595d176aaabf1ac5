import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/mhc/hc_post.op.ts";
import { streams } from "./streams.ts";

type C = Case<typeof op>;

const make =
  (n_tok: number, hc: number, d_model: number): C["make"] =>
  (g) => ({
    z: g.heavy("bf16", [n_tok, d_model]),
    x: streams(g, n_tok, hc, d_model),
    post: g.uniform("f32", [n_tok, hc], 0, 2),
    comb: g.uniform("f32", [n_tok, hc, hc], 0, 2 / hc),
  });
const model = (name: string, n_tok: number, d_model: number): C => ({
  name: `model.${name}`,
  bench: true,
  make: make(n_tok, 4, d_model),
});
const shape = (n_tok: number, hc: number, d_model: number): C => ({
  name: `n_tok=${n_tok}.hc=${hc}.d_model=${d_model}`,
  make: make(n_tok, hc, d_model),
});

const corners: C[] = [
  {
    // comb is a cycle: stream j goes to j + 1 and nowhere else, so a transposed matrix moves it to j - 1
    name: "cycle",
    make: (g) => ({
      z: g.normal("bf16", [3, 136]),
      x: streams(g, 3, 4, 136),
      post: g.from("f32", [3, 4], () => 0),
      comb: g.from("f32", [3, 4, 4], (i) => (i % 4 === (Math.floor(i / 4) + 1) % 4 ? 1 : 0)),
    }),
  },
  {
    // a nearly one-sided matrix, as logits of std 5 give
    name: "peaked",
    make: (g) => ({
      ...make(5, 4, 72)(g),
      comb: g.from("f32", [5, 4, 4], () => g.random() ** 8),
    }),
  },
];

export default suite(op, [
  model("prefill", 19, 384),
  model("decode", 1, 384),
  model("pro", 2, 7168),
  shape(3, 2, 1033),
  shape(2, 7, 136),
  shape(5, 4, 67),
  shape(1, 1, 1),
  shape(2, 8, 1048),
  ...corners,
]);
