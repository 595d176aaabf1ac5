/** Rotary position embedding over the last channels of a head, as a tensor program. */
import { tfjs } from "./backend.ts";

/**
 * Turns the last 2 * n_freq channels of x [rows, heads, width], taken as interleaved pairs (even, odd), by the angle
 * fl32(pos * freq) (by its negative when `inverse`); the other channels pass.
 */
export function rotate(x: tfjs.Tensor, pos: tfjs.Tensor, freq: tfjs.Tensor, inverse: boolean): tfjs.Tensor {
  const [rows, heads, width] = x.shape;
  const n = freq.size;
  if (n === 0 || x.size === 0) return x;
  const still = width - 2 * n;
  const angle = tfjs.mul(tfjs.reshape(pos, [rows, 1, 1]), tfjs.reshape(freq, [1, 1, n]));
  const cos = tfjs.cos(angle);
  const sin = inverse ? tfjs.neg(tfjs.sin(angle)) : tfjs.sin(angle);
  const pairs = tfjs.reshape(tfjs.slice(x, [0, 0, still], [rows, heads, 2 * n]), [rows * heads, n, 2]);
  const part = (k: number): tfjs.Tensor =>
    tfjs.reshape(tfjs.slice(pairs, [0, 0, k], [rows * heads, n, 1]), [rows, heads, n]);
  const even = part(0);
  const odd = part(1);
  const turned = tfjs.stack(
    [tfjs.sub(tfjs.mul(even, cos), tfjs.mul(odd, sin)), tfjs.add(tfjs.mul(even, sin), tfjs.mul(odd, cos))],
    3,
  );
  return tfjs.concat(
    [tfjs.slice(x, [0, 0, 0], [rows, heads, still]), tfjs.reshape(turned, [rows, heads, 2 * n])],
    2,
  );
}
