/** Inputs of project_y_hca and project_y_csa. */
import type { Inputs } from "../../harness/suite.ts";

const up = (a: number, b: number): number => Math.ceil(a / b);

/** The normed input and its codes; what they have to do with each other is no matter of the linears. */
export const input = (g: Inputs, M: number, K: number) => ({
  y: g.normal("bf16", [M, K]),
  y8: g.normal("e4m3", [M, K], { std: 60 }),
  y8_s: g.codes("ue8m0", [M, up(K, 128)], 118, 128),
});

/** The FP8 weights that both have. */
export const latents = (g: Inputs, n_q: number, n_kv: number, K: number) => ({
  q_a_w: g.normal("e4m3", [n_q, K], { std: 60 }),
  q_a_w_s: g.codes("ue8m0", [up(n_q, 128), up(K, 128)], 112, 122),
  kv_a_w: g.normal("e4m3", [n_kv, K], { std: 60 }),
  kv_a_w_s: g.codes("ue8m0", [up(n_kv, 128), up(K, 128)], 112, 122),
});

export const weights = (g: Inputs, N: number, K: number) => g.normal("bf16", [N, K], { std: 0.03 });

/** `t` with every element NaN. */
export const allNaN = (g: Inputs, dtype: "bf16" | "e4m3", shape: readonly number[]) =>
  g.from(dtype, shape, () => NaN);
