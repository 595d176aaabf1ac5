/** y = x H / sqrt(width) as one matrix product; the matrix is symmetric, its entries +-1. */
import type { op } from "../../kernels/index/hadamard.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { floats } from "../tf/io.ts";
import { product, program, put } from "../tf/program.ts";

/** Sylvester's construction: H(2n) = [[H, H], [H, -H]], which is (-1)^popcount(i & j). */
function sylvester(width: number): tfjs.Tensor {
  if (width === 1) return tfjs.ones([1, 1]);
  const h = sylvester(width / 2);
  return tfjs.concat([tfjs.concat([h, h], 1), tfjs.concat([h, tfjs.neg(h)], 1)], 0);
}

export const tf: Tf<typeof op> = (t, s) => {
  if (!Number.isInteger(Math.log2(s.width)))
    throw new Error(`hadamard.width: expected a power of two, got ${s.width}`);
  return program(() => {
    const y = product(put(floats(t.x), [s.n_row, s.width]), sylvester(s.width));
    return { y: tfjs.mul(y, s.width ** -0.5) };
  });
};
