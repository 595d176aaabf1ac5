/** RoPE frequencies: Su et al. 2021, with YaRN's ramp (Peng et al. 2023, "NTK-by-parts") where a layer has compressed keys. */
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
 * Faithful: f32 (each frequency rounded once); ideal: f64.
 */
export function ropeFreq({ theta, rope_dim, yarn }: RopeParams, r: Rounding): Tensor {
  const n = rope_dim / 2;
  const f = Float64Array.from({ length: n }, (_, i) => theta ** (-i / n));
  if (yarn) {
    const { factor, original, beta_fast, beta_slow } = yarn;
    // the pair that turns `turns` times within the original context
    const pair = (turns: number): number =>
      (rope_dim * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
    const low = Math.max(Math.floor(pair(beta_fast)), 0);
    const high = Math.min(Math.ceil(pair(beta_slow)), rope_dim - 1);
    const span = high === low ? 0.001 : high - low;
    for (let i = 0; i < n; i++) {
      const ramp = Math.min(Math.max((i - low) / span, 0), 1);
      f[i] = (f[i] / factor) * ramp + f[i] * (1 - ramp);
    }
  }
  return r.store("f32", f, [n]);
}
