/** How far two tensors of any dtype are apart, without a bound: oracles against one another, and chains token by token. */
import { values } from "../oracle/num/index.ts";
import type { Tensor } from "../oracle/tensor.ts";

/** Relative L2 a token (first dimension); infinite where the reference is zero and the value is not. */
export function relByToken(native: Tensor, faithful: Tensor): number[] {
  const f = values(faithful);
  const x = values(native);
  const rows = faithful.shape[0];
  const per = rows === 0 ? 0 : f.length / rows;
  return Array.from({ length: rows }, (_, r) => {
    let [e2, f2] = [0, 0];
    for (let i = r * per; i < (r + 1) * per; i++) {
      e2 += (x[i] - f[i]) ** 2;
      f2 += f[i] ** 2;
    }
    return e2 === 0 ? 0 : Math.sqrt(e2 / f2);
  });
}

export interface Distance {
  readonly calc_diff: number;
  readonly rel_l2: number;
  /** Largest relative L2 of a row. */
  readonly worst_row: number;
  /** False when a value is NaN or infinite on one side only. */
  readonly masks: boolean;
}

/** `a` against `b`, over elements that are finite on both sides. */
export function distance(a: Tensor, b: Tensor): Distance {
  const x = values(a);
  const y = values(b);
  const cols = b.shape.length === 0 ? 1 : b.shape[b.shape.length - 1];
  let [e2, x2, y2, worst_row] = [0, 0, 0, 0];
  let masks = true;
  for (let lo = 0; lo < y.length; lo += cols) {
    let [re, ry] = [0, 0];
    for (let i = lo; i < lo + cols; i++) {
      const p = x[i];
      const q = y[i];
      if (!Number.isFinite(p) || !Number.isFinite(q)) {
        if (!Object.is(p, q)) masks = false;
        continue;
      }
      const e = p - q;
      re += e * e;
      ry += q * q;
      x2 += p * p;
    }
    e2 += re;
    y2 += ry;
    if (re > 0) worst_row = Math.max(worst_row, Math.sqrt(re / ry));
  }
  return {
    calc_diff: e2 === 0 ? 0 : e2 / (x2 + y2),
    rel_l2: e2 === 0 ? 0 : Math.sqrt(e2 / y2),
    worst_row,
    masks,
  };
}
