import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/quant/act_quant_nvfp4.op.ts";
import { fp4Corners } from "./corners.ts";

type C = Case<typeof op>;

/** Every expert has its own global scale: amax / 2688 of inputs between 1/4 and 64 in size. */
const globals = (g: Inputs, n_expert: number) =>
  g.from("f32", [n_expert], (e) => (2 ** ((e % 9) - 2) * (1 + e / 16)) / 2688);

const gathered = (g: Inputs, n_row: number, n_src: number, n_expert: number, K: number) => ({
  x: g.heavy("bf16", [n_src, K], { std: 2 }),
  src_row: g.ints([n_row], 0, n_src),
  row_expert: g.ints([n_row], 0, n_expert),
  global: globals(g, n_expert),
});
const plain = (g: Inputs, n_row: number, n_expert: number, K: number) => ({
  x: g.heavy("bf16", [n_row, K], { std: 2 }),
  row_expert: g.ints([n_row], 0, n_expert),
  global: globals(g, n_expert),
});
const shape = (n_row: number, n_expert: number, K: number): C => ({
  name: `n_row=${n_row}.n_expert=${n_expert}.K=${K}`,
  make: (g) => plain(g, n_row, n_expert, K),
});

const corners: C[] = [
  {
    // global 2^-9: s runs through saturation and exact powers of two, x / (s g) through ties
    name: "corners.saturation",
    make: (g) => ({
      x: fp4Corners(g, 96, 16),
      row_expert: g.from("i32", [11], () => 0),
      global: g.from("f32", [1], () => 2 ** -9),
    }),
  },
  {
    name: "corners.ties",
    make: (g) => ({
      x: fp4Corners(g, 98, 16),
      row_expert: g.from("i32", [11], (i) => i % 2),
      global: g.from("f32", [2], (e) => 2 ** -e),
    }),
  },
  {
    // the block scale underflows to 0 in e4m3: every code is 0
    name: "corners.scale-zero",
    make: (g) => ({
      x: g.from("bf16", [3, 64], (i) => (i % 64 < 32 ? 1e-3 * (i % 7) : 3 - (i % 5))),
      row_expert: g.from("i32", [3], (i) => i),
      global: g.from("f32", [3], (e) => [1, 4, 0.25][e]),
    }),
  },
];

export default suite(op, [
  { name: "model.gather", bench: true, make: (g) => gathered(g, 37, 23, 16, 384) },
  { name: "model.rows", bench: true, make: (g) => plain(g, 29, 16, 128) },
  { name: "model.pro", bench: true, make: (g) => gathered(g, 6, 1, 384, 7168) },
  shape(1, 1, 16),
  shape(5, 3, 40),
  shape(4, 7, 138),
  shape(3, 2, 2),
  shape(2, 5, 2064),
  ...corners,
]);
