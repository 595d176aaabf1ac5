import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/norm/rmsnorm.op.ts";

type C = Case<typeof op>;
const attrs = { eps: 1e-6 };

// real norm weights are small and have both signs
const weight = (g: Inputs, d_model: number) => g.normal("bf16", [d_model], { std: 0.03 });
const inputs = (g: Inputs, n_row: number, d_model: number) => ({
  x: g.heavy("bf16", [n_row, d_model]),
  w: weight(g, d_model),
});

const model = (name: string, n_row: number, d_model: number): C => ({
  name: `model.${name}`,
  bench: true,
  attrs,
  make: (g) => inputs(g, n_row, d_model),
});
const shape = (n_row: number, d_model: number): C => ({
  name: `n_row=${n_row}.d_model=${d_model}`,
  attrs,
  make: (g) => inputs(g, n_row, d_model),
});

const corners: C[] = [
  {
    name: "eps.dominates",
    attrs: { eps: 1e-2 },
    make: (g) => ({ x: g.normal("bf16", [6, 264], { std: 0.05 }), w: weight(g, 264) }),
  },
  {
    name: "eps.same-size",
    attrs,
    make: (g) => ({ x: g.normal("bf16", [6, 264], { std: 1e-3 }), w: weight(g, 264) }),
  },
  {
    // a zero row stays zero, a row of one number becomes the weight's row
    name: "rows.constant",
    attrs,
    make: (g) => ({
      x: g.from("bf16", [3, 192], (i) => [0, 3.5, -1e-2][Math.floor(i / 192)]),
      w: weight(g, 192),
    }),
  },
];

export default suite(op, [
  model("hidden", 37, 384),
  model("q_lora", 21, 256),
  model("kv", 13, 512),
  model("indexer", 9, 128),
  model("decode", 1, 384),
  model("pro", 3, 7168),
  shape(1, 1),
  shape(2, 7),
  shape(5, 131),
  shape(3, 257),
  shape(4, 2056),
  shape(3, 2051),
  ...corners,
]);
