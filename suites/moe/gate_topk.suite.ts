import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/moe/gate_topk.op.ts";

type C = Case<typeof op>;
const route_scale = 2.5;

/** Biases near 8 as trained ones are: weights made of biased scores would be nearly equal. */
const inputs = (g: Inputs, n_tok: number, n_expert: number, std = 2) => ({
  logits: g.normal("f32", [n_tok, n_expert], { std }),
  bias: g.uniform("f32", [n_expert], 7.5, 8.5),
});

const model: C[] = [
  { name: "model.mini", bench: true, attrs: { n_act: 6, route_scale }, make: (g) => inputs(g, 29, 16) },
  { name: "model.pro", bench: true, attrs: { n_act: 6, route_scale }, make: (g) => inputs(g, 5, 384) },
];

const shapes = [
  [1, 1, 1],
  [2, 6, 6],
  [3, 31, 5],
  [4, 33, 7],
  [5, 256, 8],
  [2, 65, 40],
].map(([n_tok, n_expert, n_act]): C => ({
  name: `n_tok=${n_tok}.n_expert=${n_expert}.n_act=${n_act}`,
  attrs: { n_act, route_scale: 1.5 },
  make: (g) => inputs(g, n_tok, n_expert),
}));

const levels = (g: Inputs, n_tok: number, n_expert: number, values: readonly number[]) => ({
  logits: g.from("f32", [n_tok, n_expert], () => values[Math.floor(g.random() * values.length)]),
  bias: g.from("f32", [n_expert], () => 0),
});

const corners: C[] = [
  {
    // one expert ahead of 69 equal ones: it, then the lowest ids
    name: "ties.but-one",
    attrs: { n_act: 6, route_scale },
    make: (g) => ({
      logits: g.from("f32", [3, 70], (i) => (i % 70 === 41 ? 1 : 0.5)),
      bias: g.from("f32", [70], () => 0),
    }),
  },
  {
    name: "ties.two",
    attrs: { n_act: 6, route_scale },
    make: (g) => levels(g, 9, 70, [0.5, ...Array<number>(19).fill(-1)]),
  },
  {
    // softplus from exp's underflow through the switch at 20 to large logits
    name: "logits.extreme",
    attrs: { n_act: 6, route_scale },
    make: (g) => levels(g, 11, 40, [-200, -80, -30, -17, 0, 19.5, 20, 20.5, 80, 200]),
  },
  {
    name: "bias+-12",
    attrs: { n_act: 6, route_scale },
    make: (g) => ({ ...inputs(g, 7, 96), bias: g.from("f32", [96], () => (g.random() < 0.5 ? -12 : 12)) }),
  },
  {
    name: "bias.-inf",
    attrs: { n_act: 6, route_scale },
    make: (g) => ({ ...inputs(g, 4, 50), bias: g.from("f32", [50], (i) => (i % 7 === 3 ? 8 : -Infinity)) }),
  },
  {
    // a sorted row each way: the last and the first ids
    name: "sorted",
    attrs: { n_act: 5, route_scale },
    make: (g) => ({
      logits: g.from("f32", [2, 67], (i) => (i < 67 ? i / 8 : (133 - i) / 8)),
      bias: g.from("f32", [67], () => 0),
    }),
  },
];

export default suite(op, [...model, ...shapes, ...corners]);
