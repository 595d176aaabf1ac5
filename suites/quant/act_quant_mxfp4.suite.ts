import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/quant/act_quant_mxfp4.op.ts";
import { fp4Corners } from "./corners.ts";

type C = Case<typeof op>;

const model = (name: string, n_row: number): C => ({
  name: `model.${name}`,
  bench: true,
  make: (g) => ({ x: g.normal("bf16", [n_row, 128]) }),
});
const shape = (n_row: number, width: number): C => ({
  name: `n_row=${n_row}.width=${width}`,
  make: (g) => ({ x: g.heavy("bf16", [n_row, width]) }),
});
const corner = (name: string, width: number): C => ({
  name: `corners.${name}`,
  make: (g) => ({ x: fp4Corners(g, width, 32) }),
});
/** A NaN or infinity in every other block, in turn at each of its places: what lies beside it must not notice. */
const spoilt = (name: string, n_row: number, width: number): C => ({
  name: `spoilt.${name}`,
  make: (g) => {
    const per_row = Math.ceil(width / 32);
    const bad = [NaN, Infinity, -Infinity];
    return {
      x: g.from("bf16", [n_row, width], (i) => {
        const c = i % width;
        const b = Math.floor(i / width) * per_row + Math.floor(c / 32);
        return b % 2 === 1 && c % 32 === (b >> 1) % 32 ? bad[(b >> 1) % 3] : g.random() - 0.5;
      }),
    };
  },
});

export default suite(op, [
  model("prefill", 67),
  model("decode", 8),
  model("pro", 128),
  // a CTA takes 1024 elements: eight rows of 128, less and more; blocks of several CTAs in one row
  shape(7, 128),
  shape(9, 128),
  shape(1, 32),
  shape(33, 32),
  shape(3, 1056),
  shape(6, 320),
  // short last blocks, rows off the 16-byte grid
  shape(1, 2),
  shape(5, 72),
  shape(3, 130),
  shape(2, 90),
  shape(70, 34),
  corner("vectors", 128),
  corner("scalars", 130),
  spoilt("vectors", 40, 128),
  spoilt("scalars", 40, 98),
]);
