/** FP4 round trip in blocks with a power-of-two scale; values pass when nothing is simulated. */
import type { op } from "../../kernels/quant/fp4_sim.op.ts";
import type { Tf } from "../op.ts";
import { floats } from "../tf/io.ts";
import { scaleBlocks, toE2m1 } from "../tf/round.ts";

/** The amax floor of the model's FP4 quantiser: the largest code at the smallest normal scale. */
const FLOOR = 6 * 2 ** -126;

export const tf: Tf<typeof op> = (t, s, simulate) => {
  const x = floats(t.x);
  const y = Float32Array.from(x);
  scaleBlocks(x, s.width, { end: s.width, block: s.block, floor: FLOOR, max: 6 }, (first, end, scale) => {
    // the scale is a power of two: without rounding this is the identity, but for a block that a NaN or infinity spoils
    for (let i = first; i < end; i++) y[i] = (simulate ? toE2m1(x[i] / scale) : x[i] / scale) * scale;
  });
  return { y: { dtype: "f32", shape: [s.n_row, s.width], data: y } };
};
