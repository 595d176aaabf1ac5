/** What the tensor programs of the third oracle share: running one, and the few products that tfjs needs help with. */
import { tfjs } from "./backend.ts";
import { dequantise, KEEP_LIMIT, weight, type Matrix } from "./io.ts";
import type { Tensor } from "../tensor.ts";

type T = tfjs.Tensor;

/** Copies `x` off the backend. */
function read(x: T): Tensor {
  const shape = [...x.shape];
  // an empty tensor has no storage worth asking the backend for
  if (x.size === 0)
    return x.dtype === "int32"
      ? { dtype: "i32", shape, data: new Int32Array(0) }
      : { dtype: "f32", shape, data: new Float32Array(0) };
  return x.dtype === "int32"
    ? { dtype: "i32", shape, data: Int32Array.from(x.dataSync()) }
    : { dtype: "f32", shape, data: Float32Array.from(x.dataSync()) };
}

/** Runs a tensor program and brings its outputs home; every tensor made inside is disposed, also when it throws. */
export function program<K extends string>(f: () => Readonly<Record<K, T>>): Record<K, Tensor> {
  const out: Partial<Record<K, Tensor>> = {};
  tfjs.tidy(() => {
    const y = f();
    for (const name of Object.keys(y) as K[]) out[name] = read(y[name]);
  });
  return out as Record<K, Tensor>;
}

/** Float32 data as a tensor of `shape`. */
export const put = (data: Float32Array, shape: readonly number[]): T =>
  tfjs.tensor(data, [...shape], "float32");

/** Indices as a tensor of `shape`. */
export const putInts = (data: Int32Array, shape: readonly number[]): T =>
  tfjs.tensor(data, [...shape], "int32");

/**
 * y[M, N] = a[M, K] w[N, K]^T, as (w a^T)^T: only products without a transpose flag reach the fast WASM kernel, and this way
 * the small operand is the one that is transposed and packed.
 */
export function product(a: T, w: T): T {
  const [m, k] = a.shape;
  const n = w.shape[0];
  if (m === 0 || n === 0 || k === 0) return tfjs.zeros([m, n]);
  return tfjs.transpose(tfjs.matMul(w as tfjs.Tensor2D, tfjs.transpose(a) as tfjs.Tensor2D));
}

/** `product` with a weight at rest; a big one goes slab by slab, so that neither heap ever holds it whole. */
export function linear(a: T, w: Matrix): T {
  if (w.rows * w.cols <= KEEP_LIMIT) return product(a, put(weight(w), [w.rows, w.cols]));
  const slab = Math.max(1, Math.floor(KEEP_LIMIT / w.cols));
  const parts: T[] = [];
  for (let n0 = 0; n0 < w.rows; n0 += slab) {
    const n = Math.min(slab, w.rows - n0);
    parts.push(tfjs.tidy(() => product(a, put(dequantise(w, n0, n), [n, w.cols]))));
  }
  return tfjs.concat(parts, 1);
}

/**
 * Sum over the last dimension, kept as size 1. WASM sums one after the other in float32, which loses a thousand ones between
 * 1e8 and -1e8, so rows are summed in runs of about sqrt(n), and the runs' sums are summed. An empty sum is 0: WASM reads
 * foreign memory for it.
 */
export function sumLast(x: T): T {
  const shape = x.shape.slice(0, -1);
  const n = x.shape[x.shape.length - 1];
  if (x.size === 0) return tfjs.zeros([...shape, 1]);
  let run = 1;
  for (let r = 2; r * r <= n; r++) if (n % r === 0) run = r;
  const y = run === 1 ? x : tfjs.sum(tfjs.reshape(x, [...shape, n / run, run]), -1);
  return tfjs.reshape(tfjs.sum(y, -1), [...shape, 1]);
}

/** 1 / (1 + exp(-x)) with denormal results kept (WASM's own flushes sigmoid(-100) to 0); NaN stays NaN. */
export function sigmoid(x: T): T {
  const small = tfjs.exp(tfjs.neg(tfjs.abs(x)));
  // exp(min(x, 0)) is 1 for x >= 0 and `small` below
  return tfjs.div(tfjs.exp(tfjs.minimum(x, 0)), tfjs.add(small, 1));
}

/**
 * x clamped to [lo, hi] with NaN kept. WASM's clipByValue turns NaN into a bound, and its minimum and maximum keep NaN only
 * in the first operand, so x stands first.
 */
export const clamp = (x: T, lo: number, hi: number): T => {
  const below = hi === Infinity ? x : tfjs.minimum(x, hi);
  return lo === -Infinity ? below : tfjs.maximum(below, lo);
};

/** x / sqrt(mean(x^2) + eps) over the last dimension: the factor alone, shape [..., 1]. */
export function inverseRms(x: T, eps: number): T {
  const n = x.shape[x.shape.length - 1];
  return tfjs.rsqrt(tfjs.add(tfjs.div(sumLast(tfjs.square(x)), n), eps));
}

/**
 * a + b as a rounded sum and what its rounding lost (Knuth's TwoSum), both float32. Where the sum is not finite there is
 * nothing to lose, and the loss is 0.
 */
export function twoSum(a: T, b: T): { sum: T; lost: T } {
  const sum = tfjs.add(a, b);
  const part = tfjs.sub(sum, a);
  const lost = tfjs.add(tfjs.sub(a, tfjs.sub(sum, part)), tfjs.sub(b, part));
  return { sum, lost: tfjs.where(tfjs.isFinite(sum), lost, tfjs.zerosLike(lost)) };
}
