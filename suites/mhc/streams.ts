/** Streams as the model has them: each with its own mean and size, so that a swapped or repeated stream shows. */
import type { Inputs } from "../../harness/suite.ts";
import type { Tensor } from "../../oracle/tensor.ts";

export function streams(g: Inputs, n_tok: number, hc: number, d_model: number): Tensor {
  const noise = g.heavy("f32", [n_tok * hc, d_model]).data as Float32Array;
  return g.from("bf16", [n_tok, hc, d_model], (i) => {
    const j = Math.floor(i / d_model) % hc;
    return (0.3 - 0.2 * j + noise[i]) * 2 ** (j - 1);
  });
}
