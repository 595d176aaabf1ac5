import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/moe/moe_combine.op.ts";

type C = Case<typeof op>;

const inputs = (g: Inputs, n_tok: number, n_act: number, d_model: number, std = 1) => {
  const rows = g.permutation(n_tok * n_act);
  return {
    routed: g.normal("bf16", [n_tok * n_act, d_model], { std }),
    slot_row: g.from("i32", [n_tok, n_act], (i) => rows[i]),
    shared: g.normal("bf16", [n_tok, d_model], { std }),
  };
};

const model: C[] = [
  { name: "model.prefill", bench: true, make: (g) => inputs(g, 29, 6, 384) },
  { name: "model.decode", bench: true, make: (g) => inputs(g, 1, 6, 7168) },
];

const shapes = [
  [1, 1, 1],
  [2, 3, 7],
  [3, 2, 8],
  [5, 6, 1032],
  [67, 4, 20],
].map(([n_tok, n_act, d_model]): C => ({
  name: `n_tok=${n_tok}.n_act=${n_act}.d_model=${d_model}`,
  make: (g) => inputs(g, n_tok, n_act, d_model),
}));

const corners: C[] = [
  {
    // 2^20, 1/16 and -2^20 in every order over the slots: only the declared order gives the declared sums
    name: "order",
    make: (g) => {
      const t = inputs(g, 6, 3, 40);
      const order = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
      ];
      return {
        ...t,
        routed: g.from(
          "bf16",
          [18, 40],
          (i) => [2 ** 20, 1 / 16 + (i % 40) / 64, -(2 ** 20)][Math.floor(i / 40) % 3],
        ),
        slot_row: g.from("i32", [6, 3], (i) => 3 * Math.floor(i / 3) + order[Math.floor(i / 3)][i % 3]),
      };
    },
  },
  {
    // sums half way between two bf16: ties to even
    name: "ties",
    make: (g) => ({
      routed: g.from("bf16", [4, 66], (i) => 1 + (i % 66) / 128),
      slot_row: g.from("i32", [4, 1], (i) => 3 - i),
      shared: g.from("bf16", [4, 66], () => 1 / 256),
    }),
  },
  { name: "heavy", make: (g) => ({ ...inputs(g, 5, 6, 48), routed: g.heavy("bf16", [30, 48]) }) },
  {
    name: "shared-rows",
    make: (g) => ({ ...inputs(g, 4, 3, 24), slot_row: g.from("i32", [4, 3], (i) => [0, 11, 11][i % 3]) }),
  },
];

export default suite(op, [...model, ...shapes, ...corners]);
