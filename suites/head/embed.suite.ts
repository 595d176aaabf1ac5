import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/head/embed.op.ts";

type C = Case<typeof op>;

const make =
  (n_tok: number, vocab: number, d_model: number): C["make"] =>
  (g) => ({
    tok: g.ints([n_tok], 0, vocab),
    table: g.heavy("bf16", [vocab, d_model], { std: 0.02 }),
  });
const shape = (n_tok: number, vocab: number, d_model: number, hc: number): C => ({
  name: `n_tok=${n_tok}.vocab=${vocab}.d_model=${d_model}.hc=${hc}`,
  attrs: { hc },
  make: make(n_tok, vocab, d_model),
});

const corners: C[] = [
  {
    // first and last row of the table, repeated and out of order
    name: "ids.ends",
    attrs: { hc: 4 },
    make: (g) => ({
      ...make(7, 33, 72)(g),
      tok: g.from("i32", [7], (i) => [32, 0, 0, 31, 32, 1, 32][i]),
    }),
  },
  {
    // signed zeros, subnormals and infinities are copied too
    name: "bits",
    attrs: { hc: 2 },
    make: (g) => ({
      tok: g.from("i32", [5], (i) => 4 - i),
      table: g.from("bf16", [5, 24], (i) => [-0, 0, 2 ** -133, -(2 ** -127), Infinity, -Infinity, 1][i % 7]),
    }),
  },
];

export default suite(op, [
  { name: "model.prefill", bench: true, attrs: { hc: 4 }, make: make(37, 1024, 384) },
  { name: "model.decode", bench: true, attrs: { hc: 4 }, make: make(1, 1024, 384) },
  shape(3, 5, 2056, 2),
  shape(4, 9, 1031, 3),
  shape(5, 2, 67, 4),
  shape(1, 1, 1, 1),
  ...corners,
]);
