import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/quant/kv_fp8_sim.op.ts";
import { fp8Corners } from "./corners.ts";

type C = Case<typeof op>;

const model = (name: string, n_row: number): C => ({
  name: `model.${name}`,
  bench: true,
  attrs: { n_nope: 448, block: 64 },
  make: (g) => ({ x: g.heavy("bf16", [n_row, 512]) }),
});
const shape = (n_row: number, head_dim: number, n_nope: number, block: number): C => ({
  name: `n_row=${n_row}.head_dim=${head_dim}.n_nope=${n_nope}.block=${block}`,
  attrs: { n_nope, block },
  make: (g) => ({ x: g.heavy("bf16", [n_row, head_dim]) }),
});
const corner = (name: string, head_dim: number, n_nope: number): C => ({
  name: `corners.${name}`,
  attrs: { n_nope, block: 64 },
  make: (g) => ({ x: fp8Corners(g, head_dim, 64) }),
});

const corners: C[] = [
  {
    // copied channels far above the rest: they must not set the scale of a short last block
    name: "copied.large",
    attrs: { n_nope: 136, block: 64 },
    make: (g) => ({ x: g.from("bf16", [4, 192], (i) => (g.random() - 0.5) * (i % 192 < 136 ? 1 : 5000)) }),
  },
];

export default suite(op, [
  model("prefill", 37),
  model("decode", 1),
  // a short last block beside copied channels, copied channels only, none copied, rows off the 16-byte grid
  shape(5, 192, 136, 64),
  shape(3, 72, 0, 64),
  shape(6, 320, 320, 32),
  shape(7, 131, 100, 64),
  shape(2, 200, 160, 48),
  shape(3, 600, 520, 256),
  corner("vectors", 256, 192),
  corner("scalars", 255, 192),
  ...corners,
]);
