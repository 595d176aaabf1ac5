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

export const i32 = (values: ArrayLike<number>): Tensor => ({
  dtype: "i32",
  shape: [values.length],
  data: Int32Array.from(values),
});
export const f32 = (values: ArrayLike<number>): Tensor => ({
  dtype: "f32",
  shape: [values.length],
  data: Float32Array.from(values),
});

/** The same elements under another shape. Throws when the counts differ. */
export function view(t: Tensor, shape: readonly number[]): Tensor {
  if (numel(shape) !== numel(t.shape))
    throw new Error(`view of [${t.shape.join(", ")}]: expected as many elements, got [${shape.join(", ")}]`);
  return { ...t, shape };
}

/** Rows (first dimension) lo .. hi - 1, without a copy. One row must fill whole bytes. */
export function sliceRows(t: Tensor, lo: number, hi: number): Tensor {
  const per = t.data.length / t.shape[0];
  if (!Number.isInteger(per))
    throw new Error(
      `sliceRows of ${t.dtype}[${t.shape.join(", ")}]: expected rows of whole bytes, got ${per}`,
    );
  return { dtype: t.dtype, shape: [hi - lo, ...t.shape.slice(1)], data: t.data.subarray(lo * per, hi * per) };
}

/** The last `n` rows (all of them when there are fewer), null when that is none. */
export function lastRows(t: Tensor, n: number): Tensor | null {
  const rows = t.shape[0];
  return n <= 0 ? null : sliceRows(t, Math.max(0, rows - n), rows);
}

/** `a` above `b`; `a` may be null. Throws when dtypes or row shapes differ. */
export function concatRows(a: Tensor | null, b: Tensor): Tensor {
  if (a === null) return b;
  if (a.dtype !== b.dtype || a.shape.slice(1).join() !== b.shape.slice(1).join())
    throw new Error(
      `concatRows: expected rows like ${a.dtype}[${a.shape.join(", ")}], got ${b.dtype}[${b.shape.join(", ")}]`,
    );
  const c = allocate(a.dtype, [a.shape[0] + b.shape[0], ...a.shape.slice(1)]);
  const put = c.data as { set(from: ArrayLike<number | bigint>, at?: number): void };
  put.set(a.data as ArrayLike<number | bigint>, 0);
  put.set(b.data as ArrayLike<number | bigint>, a.data.length);
  return c;
}
