import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/router_dispatch.op.ts";
import { logits, MODELS, nameOf, product, SHAPES, type Shape } from "./routers.ts";

type C = Case<typeof op>;
const attrs = { n_act: 6, route_scale: 2.5 };

/** Biases near 8 as trained ones are. */
const bias = (g: Inputs, { n_expert }: Shape) => ({ bias: g.uniform("f32", [n_expert], 7.5, 8.5) });

const model = Object.entries(MODELS).map(([name, s]): C => ({
  name: `model.${name}`,
  bench: true,
  attrs,
  make: (g) => ({ ...product(g, s), ...bias(g, s) }),
}));

const shapes = SHAPES.map((x): C => {
  const [n_tok, n_expert, n_act, d_model] = x;
  const s = { n_tok, n_expert, d_model };
  return {
    name: nameOf(x),
    attrs: { n_act, route_scale: 1.5 },
    make: (g) => ({ ...product(g, s), ...bias(g, s) }),
  };
});

const few = { n_tok: 11, n_expert: 140, d_model: 1032 };
const corners: C[] = [
  { name: "std10", attrs, make: (g) => ({ ...product(g, few, 10), ...bias(g, few) }) },
  {
    // every token takes the first experts: one expert's rows come from every warp
    name: "ties.all",
    attrs,
    make: (g) => {
      const s = { n_tok: 61, n_expert: 200, d_model: 80 };
      return { ...logits(g, s, () => 0.5), bias: g.from("f32", [200], () => 0) };
    },
  },
  {
    // equal logits on both sides of a tile's end: the lower id first
    name: "ties.across-tiles",
    attrs,
    make: (g) => ({
      ...logits(g, few, (e) => (e > 123 && e < 133 ? 1 : -1)),
      bias: g.from("f32", [few.n_expert], () => 0),
    }),
  },
  {
    // the last experts, and all others without rows
    name: "last",
    attrs: { n_act: 2, route_scale: 2.5 },
    make: (g) => {
      const s = { n_tok: 9, n_expert: 300, d_model: 40 };
      return { ...logits(g, s, (e) => e / 64), bias: g.from("f32", [300], () => 8) };
    },
  },
  {
    // the experts with the least scores are chosen
    name: "bias.reverses",
    attrs,
    make: (g) => ({
      ...logits(g, few, (e) => e / 32),
      bias: g.from("f32", [few.n_expert], (e) => 8 - e / 16),
    }),
  },
  {
    name: "bias.-inf",
    attrs,
    make: (g) => ({
      ...product(g, few),
      bias: g.from("f32", [few.n_expert], (e) => (e % 7 === 3 ? 8 : -Infinity)),
    }),
  },
  {
    // an expert whose logits are no numbers goes last; so does every expert of a token that is none
    name: "nan",
    attrs,
    make: (g) => {
      const { y, w } = product(g, few);
      const nan = { w: [3, 70, 139], y: [4] };
      const BF16_NAN = 0x7fc0;
      for (const e of nan.w) (w.data as Uint16Array)[e * few.d_model + 5] = BF16_NAN;
      for (const m of nan.y) (y.data as Uint16Array).fill(BF16_NAN, m * few.d_model, (m + 1) * few.d_model);
      return { y, w, ...bias(g, few) };
    },
  },
];

export default suite(op, [...model, ...shapes, ...corners]);
