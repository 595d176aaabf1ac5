import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/norm_quant.op.ts";

type C = Case<typeof op>;
const attrs = { eps: 1e-6, block: 128, floor: 1e-4 };

const inputs = (g: Inputs, n_row: number, d_model: number) => ({
  x: g.heavy("bf16", [n_row, d_model]),
  // real norm weights are small and have both signs
  w: g.normal("bf16", [d_model], { std: 0.03 }),
});
const model = (name: string, n_row: number, d_model: number): C => ({
  name: `model.${name}`,
  bench: true,
  attrs,
  make: (g) => inputs(g, n_row, d_model),
});
const shape = (n_row: number, d_model: number, block = 128): C => ({
  name: `n_row=${n_row}.d_model=${d_model}.block=${block}`,
  attrs: { ...attrs, block },
  make: (g) => inputs(g, n_row, d_model),
});

const corners: C[] = [
  {
    // amax at, below and above the floor, and a row of zeros
    name: "floor",
    attrs,
    make: (g) => ({
      x: g.from("bf16", [4, 256], (i) => (i < 256 ? 0 : (i % 7) - 3)),
      w: g.from("bf16", [256], (i) => (i < 128 ? 2 ** -15 : 2 ** -(i % 20))),
    }),
  },
  {
    name: "eps.dominates",
    attrs: { ...attrs, eps: 1e-2 },
    make: (g) => ({
      x: g.normal("bf16", [3, 384], { std: 0.05 }),
      w: g.normal("bf16", [384], { std: 0.03 }),
    }),
  },
];

export default suite(op, [
  model("hidden", 5, 384),
  model("decode", 1, 384),
  model("pro", 2, 7168),
  shape(1, 1),
  shape(3, 129),
  shape(2, 127),
  shape(3, 264),
  shape(2, 2056),
  shape(2, 2051),
  shape(3, 96, 32),
  shape(2, 50, 7),
  ...corners,
]);
