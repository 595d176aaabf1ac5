/** FP8 activation quantiser: power-of-two scales always, codes rounded to e4m3 only when the format is simulated. */
import type { op } from "../../kernels/quant/act_quant_fp8.op.ts";
import type { Tf } from "../op.ts";
import { floats } from "../tf/io.ts";
import { scaleBlocks, toE4m3 } from "../tf/round.ts";

export const tf: Tf<typeof op> = (t, s, simulate) => {
  const x = floats(t.x);
  const q = new Float32Array(s.M * s.K);
  const width = Math.ceil(s.K / s.block);
  const scales = new Float32Array(s.M * width);
  let at = 0;
  scaleBlocks(x, s.K, { end: s.K, block: s.block, floor: s.floor, max: 448 }, (first, end, scale) => {
    scales[at++] = scale;
    for (let i = first; i < end; i++) q[i] = simulate ? toE4m3(x[i] / scale) : x[i] / scale;
  });
  return {
    q: { dtype: "f32", shape: [s.M, s.K], data: q },
    s: { dtype: "f32", shape: [s.M, width], data: scales },
  };
};
