import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/index/hadamard.op.ts";

type C = Case<typeof op>;

const shape = (n_row: number, width: number): C => ({
  name: `n_row=${n_row}.width=${width}`,
  make: (g) => ({ x: g.heavy("bf16", [n_row, width]) }),
});

const corners: C[] = [
  {
    // row i is the unit vector i: the result is column i of H, signs and order laid open
    name: "unit-vectors",
    make: (g) => ({ x: g.from("bf16", [128, 128], (i) => (i % 129 === 0 ? 1 : 0)) }),
  },
  {
    // all channels equal: everything lands in channel 0
    name: "constant",
    make: (g) => ({ x: g.from("bf16", [3, 64], (i) => [1, -2.5, 3e4][Math.floor(i / 64)]) }),
  },
];

export default suite(op, [
  { name: "model.prefill", bench: true, make: (g) => ({ x: g.normal("bf16", [67, 128]) }) },
  { name: "model.decode", bench: true, make: (g) => ({ x: g.normal("bf16", [8, 128]) }) },
  shape(1, 128),
  shape(9, 64),
  shape(5, 256),
  shape(33, 8),
  shape(3, 512),
  shape(7, 4),
  shape(2, 1),
  ...corners,
]);
