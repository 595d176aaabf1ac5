import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/quant/act_quant_fp8.op.ts";
import { fp8Corners } from "./corners.ts";

type C = Case<typeof op>;
const attrs = { block: 128, floor: 1e-4 };

const model = (name: string, M: number, K: number): C => ({
  name: `model.${name}`,
  bench: true,
  attrs,
  make: (g) => ({ x: g.heavy("bf16", [M, K]) }),
});
const shape = (M: number, K: number, block = 128): C => ({
  name: `M=${M}.K=${K}.block=${block}`,
  attrs: { ...attrs, block },
  make: (g) => ({ x: g.heavy("bf16", [M, K]) }),
});
const corner = (name: string, K: number, block: number, floor = 1e-4): C => ({
  name: `corners.${name}`,
  attrs: { block, floor },
  make: (g) => ({ x: fp8Corners(g, K, block) }),
});

export default suite(op, [
  model("hidden", 37, 384),
  model("decode", 1, 384),
  model("pro", 2, 7168),
  // short last blocks, rows off the 16-byte grid, more than one CTA a row, blocks of no power of two
  shape(3, 200),
  shape(5, 131),
  shape(2, 2056),
  shape(2, 1301),
  shape(1, 1),
  shape(7, 256, 32),
  shape(6, 96, 16),
  shape(4, 250, 64),
  shape(3, 240, 48),
  shape(3, 700, 512),
  corner("vectors", 256, 128),
  corner("scalars", 257, 128),
  corner("block=32", 160, 32),
  corner("floor=1e-10", 256, 128, 1e-10),
]);
