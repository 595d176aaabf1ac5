import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/gate_dispatch.op.ts";

type C = Case<typeof op>;
const route_scale = 2.5;

/** Biases near 8 as trained ones are. */
const inputs = (g: Inputs, n_tok: number, n_expert: number) => ({
  logits: g.normal("f32", [n_tok, n_expert], { std: 2 }),
  bias: g.uniform("f32", [n_expert], 7.5, 8.5),
});
const model = (name: string, n_tok: number, n_expert: number): C => ({
  name: `model.${name}`,
  bench: true,
  attrs: { n_act: 6, route_scale },
  make: (g) => inputs(g, n_tok, n_expert),
});
const shape = (n_tok: number, n_expert: number, n_act: number): C => ({
  name: `n_tok=${n_tok}.n_expert=${n_expert}.n_act=${n_act}`,
  attrs: { n_act, route_scale: 1.5 },
  make: (g) => inputs(g, n_tok, n_expert),
});

const corners: C[] = [
  {
    // every token takes the first experts: one expert's rows come from every warp of every CTA
    name: "ties.all",
    attrs: { n_act: 6, route_scale },
    make: (g) => ({
      logits: g.from("f32", [61, 70], () => 0.5),
      bias: g.from("f32", [70], () => 0),
    }),
  },
  {
    // the last experts, and all others without rows
    name: "last",
    attrs: { n_act: 2, route_scale },
    make: (g) => ({
      logits: g.from("f32", [9, 300], (i) => (i % 300) / 100),
      bias: g.from("f32", [300], () => 8),
    }),
  },
  {
    name: "bias.-inf",
    attrs: { n_act: 6, route_scale },
    make: (g) => ({ ...inputs(g, 12, 50), bias: g.from("f32", [50], (i) => (i % 7 === 3 ? 8 : -Infinity)) }),
  },
];

export default suite(op, [
  model("mini", 29, 16),
  model("flash", 8, 256),
  model("pro", 1, 384),
  model("pro.8", 8, 384),
  shape(1, 1, 1),
  // one token beyond what a CTA, two, four and the cluster take at once
  shape(9, 31, 5),
  shape(17, 33, 7),
  shape(33, 65, 40),
  shape(64, 96, 6),
  shape(67, 12, 3),
  shape(150, 20, 2),
  ...corners,
]);
