/** Frequency tables of the model's two kinds of layers, and the positions at which rotations go wrong. */
import { faithful } from "../../oracle/num/index.ts";
import { ropeFreq } from "../../oracle/rope/freq.ts";
import type { Tensor } from "../../oracle/tensor.ts";

const yarn = { factor: 16, original: 65536, beta_fast: 32, beta_slow: 1 };

/** Layers without compressed keys. */
export const plainFreq = (n_freq: number): Tensor =>
  ropeFreq({ theta: 10000, rope_dim: 2 * n_freq }, faithful);
/** Layers with compressed keys. */
export const yarnFreq = (n_freq: number): Tensor =>
  ropeFreq({ theta: 160000, rope_dim: 2 * n_freq, yarn }, faithful);

/** First, window's end, past 4K and 64K, the model's last. Beyond 105615 sincosf reduces its argument in another way. */
export const POSITIONS = [0, 1, 127, 4097, 65537, 105616, 1048575] as const;
