/** Rotary position embedding over the last channels of a head, as a tensor program. */
import { tfjs } from "./backend.ts";
import { put } from "./program.ts";

/**
 * Angles pos * freq in (-2 pi, 2 pi), [rows, 1, n]. Whole turns are taken off the exact product (44 bits at most) before
 * float32 sees it: at position 1e6 a float32 angle is off by 0.03, which is the format's price and not the rotation's.
 */
const angles = (pos: Float32Array, freq: Float32Array): tfjs.Tensor =>
  put(
    Float32Array.from({ length: pos.length * freq.length }, (_, i) => {
      const turns = pos[Math.floor(i / freq.length)] * freq[i % freq.length];
      return turns % (2 * Math.PI);
    }),
    [pos.length, 1, freq.length],
  );

/**
 * Turns the last 2 * freq.length channels of x [rows, heads, width], taken as interleaved pairs (even, odd), by the angle
 * pos * freq (by its negative when `inverse`); the other channels pass.
 */
export function rotate(x: tfjs.Tensor, pos: Float32Array, freq: Float32Array, inverse: boolean): tfjs.Tensor {
  const [rows, heads, width] = x.shape;
  const n = freq.length;
  if (n === 0 || x.size === 0) return x;
  const still = width - 2 * n;
  const angle = angles(pos, freq);
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
