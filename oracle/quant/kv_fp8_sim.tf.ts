/** FP8 round trip of the channels below n_nope; the others, and all of them when nothing is simulated, pass. */
import type { op } from "../../kernels/quant/kv_fp8_sim.op.ts";
import type { Tf } from "../op.ts";
import { floats } from "../tf/io.ts";
import { scaleBlocks, toE4m3 } from "../tf/round.ts";

/** The amax floor of the model's FP8 quantiser. */
const FLOOR = 1e-4;

export const tf: Tf<typeof op> = (t, s, simulate) => {
  const x = floats(t.x);
  const y = Float32Array.from(x);
  const o = { end: s.n_nope, block: s.block, floor: FLOOR, max: 448 };
  scaleBlocks(x, s.head_dim, o, (first, end, scale) => {
    // the scale is a power of two: without rounding this is the identity, but for a block that a NaN or infinity spoils
    for (let i = first; i < end; i++) y[i] = (simulate ? toE4m3(x[i] / scale) : x[i] / scale) * scale;
  });
  return { y: { dtype: "f32", shape: [s.n_row, s.head_dim], data: y } };
};
