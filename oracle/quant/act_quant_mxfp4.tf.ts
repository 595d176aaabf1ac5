/** MXFP4 activation quantiser: power-of-two scales always, codes rounded to e2m1 only when the format is simulated. */
import type { op } from "../../kernels/quant/act_quant_mxfp4.op.ts";
import type { Tf } from "../op.ts";
import { floats } from "../tf/io.ts";
import { scaleBlocks, toE2m1 } from "../tf/round.ts";

/** The amax floor of the model's FP4 quantiser: the largest code at the smallest normal scale. */
const FLOOR = 6 * 2 ** -126;

export const tf: Tf<typeof op> = (t, s, simulate) => {
  const x = floats(t.x);
  const q = new Float32Array(s.n_row * s.width);
  const perRow = Math.ceil(s.width / 32);
  const scales = new Float32Array(s.n_row * perRow);
  let at = 0;
  scaleBlocks(x, s.width, { end: s.width, block: 32, floor: FLOOR, max: 6 }, (first, end, scale) => {
    scales[at++] = scale;
    for (let i = first; i < end; i++) q[i] = simulate ? toE2m1(x[i] / scale) : x[i] / scale;
  });
  return {
    q: { dtype: "f32", shape: [s.n_row, s.width], data: q },
    s: { dtype: "f32", shape: [s.n_row, perRow], data: scales },
  };
};
