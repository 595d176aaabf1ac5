/**
 * A tensor at rest: storage bytes of one format plus a shape of logical elements. The ideal oracle stores every value as
 * f64, whatever the declaration's dtype; decode with `oracle/num` (`values(t)`).
 */
import { storageBytes, type DType } from "../kernels/schema.ts";

export type Storage = Float64Array | Float32Array | Uint16Array | Uint8Array | Int32Array | BigInt64Array;

export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Storage;
}

export const numel = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Storage for `shape` elements of `dtype`, zero-filled. */
export function allocate(dtype: DType, shape: readonly number[]): Tensor {
  const n = numel(shape);
  const data =
    dtype === "f64"
      ? new Float64Array(n)
      : dtype === "f32"
        ? new Float32Array(n)
        : dtype === "i32"
          ? new Int32Array(n)
          : dtype === "i64"
            ? new BigInt64Array(n)
            : dtype === "bf16"
              ? new Uint16Array(n)
              : new Uint8Array(storageBytes(dtype, n));
  return { dtype, shape, data };
}

/** Views `data` as a tensor. Throws when the byte counts differ. */
export function tensor(dtype: DType, shape: readonly number[], data: Storage): Tensor {
  const want = storageBytes(dtype, numel(shape));
  if (data.byteLength !== want)
    throw new Error(`tensor ${dtype}[${shape.join(",")}]: expected ${want} bytes, got ${data.byteLength}`);
  return { dtype, shape, data };
}
