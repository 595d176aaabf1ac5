/** RoPE frequencies: Su et al. 2021, with YaRN's ramp (Peng et al. 2023, "NTK-by-parts") where a layer has compressed keys. */
import { clamp } from "../num/index.ts";
import type { Rounding } from "../op.ts";
import type { Tensor } from "../tensor.ts";

export interface RopeParams {
  readonly theta: number;
  readonly rope_dim: number;
  readonly yarn?: {
    readonly factor: number;
    readonly original: number;
    readonly beta_fast: number;
    readonly beta_slow: number;
  };
}

/**
 * f_i = theta^(-2i / rope_dim), i < rope_dim / 2. YaRN keeps pairs that turn more than beta_fast times within the original context,
 * divides those that turn less than beta_slow times by `factor`, and ramps between; it has no attention factor here.
 * Faithful: the f32 steps of the official
 * table; ideal: f64.
 */
export function ropeFreq({ theta, rope_dim, yarn }: RopeParams, r: Rounding): Tensor {
  const n = rope_dim / 2;
  const f = Float64Array.from({ length: n }, (_, i) => r.f32(1 / r.f32(theta ** (i / n))));
  if (yarn) {
    const { factor, original, beta_fast, beta_slow } = yarn;
    // the pair that turns `turns` times within the original context
    const pair = (turns: number): number =>
      (rope_dim * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
    const low = Math.max(Math.floor(pair(beta_fast)), 0);
    const high = Math.min(Math.ceil(pair(beta_slow)), rope_dim - 1);
    const span = high === low ? 0.001 : high - low;
    for (let i = 0; i < n; i++) {
      const ramp = clamp(r.f32((i - low) / span), 0, 1);
      const keep = r.f32(1 - ramp);
      f[i] = r.f32(r.f32(r.f32(f[i] / factor) * r.f32(1 - keep)) + r.f32(f[i] * keep));
    }
  }
  return r.store("f32", f, [n]);
}
