/** NVFP4 activation quantiser, two levels of scales; without simulation neither the scales nor the codes are rounded. */
import type { op } from "../../kernels/quant/act_quant_nvfp4.op.ts";
import type { Tf } from "../op.ts";
import { floats, gatherRows, ints } from "../tf/io.ts";
import { amaxOf, nvfp4Scale, toE2m1 } from "../tf/round.ts";

const BLOCK = 16;

export const tf: Tf<typeof op> = (t, s, simulate) => {
  const { n_row, K } = s;
  const x = t.src_row ? gatherRows(t.x, ints(t.src_row), "act_quant_nvfp4.src_row") : floats(t.x);
  const expert = ints(t.row_expert);
  const global = floats(t.global);
  const width = Math.ceil(K / BLOCK);
  const q = new Float32Array(n_row * K);
  const scales = new Float32Array(n_row * width);
  for (let row = 0; row < n_row; row++) {
    const g = global[expert[row]];
    if (g === undefined)
      throw new Error(
        `act_quant_nvfp4.row_expert: expected ids in 0..${s.n_expert - 1}, got ${expert[row]} at ${row}`,
      );
    for (let b = 0; b < width; b++) {
      const first = row * K + b * BLOCK;
      const end = Math.min(first + BLOCK, (row + 1) * K);
      const scale = nvfp4Scale(amaxOf(x, first, end), g, simulate);
      scales[row * width + b] = scale;
      // unrounded, the product stays a double: its rounding belongs to the format
      const divisor = simulate ? Math.fround(scales[row * width + b] * g) : scales[row * width + b] * g;
      if (divisor === 0) continue;
      for (let i = first; i < end; i++) {
        const v = Math.fround(x[i] / divisor);
        q[i] = simulate ? toE2m1(v) : v;
      }
    }
  }
  return {
    q: { dtype: "f32", shape: [n_row, K], data: q },
    s: { dtype: "f32", shape: [n_row, width], data: scales },
  };
};
