import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/mhc/hc_collapse.op.ts";
import { streams } from "./streams.ts";

type C = Case<typeof op>;

const make =
  (n_tok: number, hc: number, d_model: number): C["make"] =>
  (g) => ({
    pre: g.uniform("f32", [n_tok, hc], 0, 1),
    x: streams(g, n_tok, hc, d_model),
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
    // one key a stream: y is exactly stream (tok mod 4)
    name: "one-hot",
    make: (g) => ({
      pre: g.from("f32", [6, 4], (i) => (i % 4 === Math.floor(i / 4) % 4 ? 1 : 0)),
      x: streams(g, 6, 4, 136),
    }),
  },
  {
    // gates that cancel: what is left is the rounding of the streams
    name: "cancelling",
    make: (g) => ({
      pre: g.from("f32", [4, 4], (i) => [1, -1, 0.5, 1e-6][i % 4]),
      x: g.normal("bf16", [4, 4, 88], { mean: 3, std: 1 }),
    }),
  },
];

export default suite(op, [
  model("prefill", 19, 384),
  model("decode", 1, 384),
  model("pro", 2, 7168),
  shape(3, 2, 1033),
  shape(2, 7, 1032),
  shape(5, 4, 67),
  shape(1, 1, 1),
  shape(2, 8, 24),
  ...corners,
]);
