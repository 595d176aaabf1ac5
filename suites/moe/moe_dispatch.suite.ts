import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/moe/moe_dispatch.op.ts";

type C = Case<typeof op>;

/** Distinct experts a token, as the gates give them. */
const distinct = (g: Inputs, n_tok: number, n_act: number, n_expert: number) => {
  const rows = Array.from({ length: n_tok }, () => g.permutation(n_expert).subarray(0, n_act));
  return { ids: g.from("i32", [n_tok, n_act], (i) => rows[Math.floor(i / n_act)][i % n_act]) };
};

const random = (n_tok: number, n_act: number, n_expert: number): C => ({
  name: `n_tok=${n_tok}.n_act=${n_act}.n_expert=${n_expert}`,
  attrs: { n_expert },
  make: (g) => distinct(g, n_tok, n_act, n_expert),
});

const model: C[] = [
  { name: "model.prefill", bench: true, attrs: { n_expert: 16 }, make: (g) => distinct(g, 61, 6, 16) },
  { name: "model.decode", bench: true, attrs: { n_expert: 384 }, make: (g) => distinct(g, 1, 6, 384) },
];

const shapes = [
  random(1, 1, 1),
  random(3, 2, 257),
  random(43, 6, 5 + 2),
  random(85, 3, 300),
  random(513, 5, 600),
];

const corners: C[] = [
  { name: "all-to-one", attrs: { n_expert: 9 }, make: (g) => ({ ids: g.from("i32", [70, 4], () => 7) }) },
  { name: "duplicates", attrs: { n_expert: 5 }, make: (g) => ({ ids: g.ints([90, 6], 1, 3) }) },
  {
    name: "first-and-last",
    attrs: { n_expert: 384 },
    make: (g) => ({ ids: g.from("i32", [33, 2], (i) => (i % 2) * 383) }),
  },
  { name: "falling", attrs: { n_expert: 40 }, make: (g) => ({ ids: g.from("i32", [40, 1], (i) => 39 - i) }) },
];

export default suite(op, [...model, ...shapes, ...corners]);
