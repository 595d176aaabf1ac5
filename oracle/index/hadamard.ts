/** y = bf16(width^-0.5 H x), H[i][j] = (-1)^popcount(i & j), by butterflies (Sylvester's construction). */
import type { op } from "../../kernels/index/hadamard.op.ts";
import { values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_row, width }, r) => {
  if (width < 1 || (width & (width - 1)) !== 0)
    throw new Error(`hadamard: expected a width that is a power of two, got ${width}`);
  const y = Float64Array.from(values(t.x)); // [n_row, width]
  const scale = r.f32(width ** -0.5);
  // a row's pairs i, i + half never cross rows: width is a power of two
  for (let half = 1; half < width; half *= 2)
    for (let block = 0; block < y.length; block += 2 * half)
      for (let i = block; i < block + half; i++) {
        const a = y[i];
        const b = y[i + half];
        y[i] = a + b;
        y[i + half] = a - b;
      }
  return {
    y: r.store(
      "bf16",
      y.map((x) => x * scale),
      [n_row, width],
    ),
  };
};
