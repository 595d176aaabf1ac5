import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/quant/fp4_sim.op.ts";
import { fp4Corners } from "./corners.ts";

type C = Case<typeof op>;

const model = (name: string, n_row: number): C => ({
  name: `model.${name}`,
  bench: true,
  attrs: { block: 32 },
  make: (g) => ({ x: g.normal("bf16", [n_row, 128]) }),
});
const shape = (n_row: number, width: number, block: number): C => ({
  name: `n_row=${n_row}.width=${width}.block=${block}`,
  attrs: { block },
  make: (g) => ({ x: g.heavy("bf16", [n_row, width]) }),
});
const corner = (name: string, width: number, block: number): C => ({
  name: `corners.${name}`,
  attrs: { block },
  make: (g) => ({ x: fp4Corners(g, width, block) }),
});

export default suite(op, [
  model("prefill", 67),
  model("decode", 8),
  shape(1, 1, 32),
  shape(5, 72, 32),
  shape(3, 131, 32),
  shape(6, 320, 64),
  shape(2, 90, 24),
  corner("vectors", 128, 32),
  corner("scalars", 129, 32),
  corner("block=16", 96, 16),
]);
