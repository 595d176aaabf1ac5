import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/moe/swiglu.op.ts";

type C = Case<typeof op>;
const limit = 10;

const plain = (g: Inputs, n_row: number, d_ff: number, std = 2) => ({
  g: g.normal("bf16", [n_row, d_ff], { std }),
  u: g.normal("bf16", [n_row, d_ff], { std }),
});

/** Each row weighs in with the weight of a slot that is not its own index. */
const routed = (g: Inputs, n_row: number, d_ff: number, std = 2) => {
  const slots = g.permutation(n_row + 3);
  return {
    ...plain(g, n_row, d_ff, std),
    row_slot: g.from("i32", [n_row], (i) => slots[i]),
    weight: g.uniform("f32", [n_row + 3], 0.05, 2.5),
  };
};

const model: C[] = [
  { name: "model.routed", bench: true, attrs: { limit }, make: (g) => routed(g, 174, 128) },
  { name: "model.shared", bench: true, attrs: { limit, n_slot: 1 }, make: (g) => plain(g, 29, 128) },
  { name: "model.decode", bench: true, attrs: { limit }, make: (g) => routed(g, 6, 3072) },
];

const shapes = [
  [1, 1],
  [2, 7],
  [3, 8],
  [5, 129],
  [17, 1032],
  [130, 24],
].map(([n_row, d_ff]): C => ({
  name: `n_row=${n_row}.d_ff=${d_ff}`,
  attrs: { limit },
  make: (g) => routed(g, n_row, d_ff),
}));

const corners: C[] = [
  // both clamps reached, both signs; the gate is not clamped from below
  { name: "std10", attrs: { limit }, make: (g) => routed(g, 11, 272, 10) },
  { name: "std10.plain", attrs: { limit, n_slot: 1 }, make: (g) => plain(g, 11, 272, 10) },
  { name: "limit=0.5", attrs: { limit: 0.5, n_slot: 1 }, make: (g) => plain(g, 4, 40) },
  {
    // g from -200 to 200 in steps of 1/2: exp(-g) from infinity to zero
    name: "gate.sweep",
    attrs: { limit, n_slot: 1 },
    make: (g) => ({
      g: g.from("bf16", [1, 801], (i) => (i - 400) / 2),
      u: g.from("bf16", [1, 801], (i) => (i % 2 === 0 ? 3 : -3)),
    }),
  },
  {
    name: "heavy",
    attrs: { limit, n_slot: 1 },
    make: (g) => ({ g: g.heavy("bf16", [9, 96]), u: g.heavy("bf16", [9, 96]) }),
  },
];

export default suite(op, [...model, ...shapes, ...corners]);
