import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/mtp/mtp_fuse.op.ts";

type C = Case<typeof op>;
const MAX = 3.3895313892515355e38; // of bf16

const make =
  (n_tok: number, hc: number, d_model: number): C["make"] =>
  (g) => ({
    e: g.heavy("bf16", [n_tok, d_model]),
    h: g.heavy("bf16", [n_tok, hc, d_model]),
  });
const shape = (n_tok: number, hc: number, d_model: number): C => ({
  name: `n_tok=${n_tok}.hc=${hc}.d_model=${d_model}`,
  make: make(n_tok, hc, d_model),
});

const corners: C[] = [
  {
    // sums half way between two bf16, also when a far smaller term breaks the tie
    name: "ties",
    make: (g) => ({
      e: g.from("bf16", [2, 80], (i) => (1 + (i % 8) * 2 ** -7) * (i % 2 ? -1 : 1)),
      h: g.from(
        "bf16",
        [2, 3, 80],
        (i) => (i % 5 < 2 ? 2 ** -8 : 2 ** -8 + 2 ** -(12 + (i % 4))) * (i % 3 ? 1 : -1),
      ),
    }),
  },
  {
    // sums that cancel to zero, round up to infinity, or stay subnormal
    name: "ends",
    make: (g) => ({
      e: g.from("bf16", [1, 24], (i) => [1, -3, MAX, -MAX, 2 ** -133, -0][i % 6]),
      h: g.from("bf16", [1, 2, 24], (i) => [-1, 3, 2 ** 119, 1, 2 ** -132, -0][i % 6]),
    }),
  },
];

export default suite(op, [
  { name: "model.prefill", bench: true, make: make(19, 4, 384) },
  { name: "model.decode", bench: true, make: make(1, 4, 384) },
  { name: "model.pro", bench: true, make: make(2, 4, 7168) },
  shape(3, 2, 1033),
  shape(2, 7, 1032),
  shape(5, 4, 67),
  shape(1, 1, 1),
  ...corners,
]);
