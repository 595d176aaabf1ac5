/**
 * Selection with a defined order. tfjs' topk breaks ties as its backend pleases (and ranks NaN highest), and a router's tie is
 * a decision, so the order is taken in typed arrays: larger first, equal to the lower index, NaN after every number.
 */

/** Sorts before: -1 when element i of `x` ranks before element j. */
function ahead(x: Float32Array, i: number, j: number): number {
  const a = x[i];
  const b = x[j];
  if (a > b) return -1;
  if (a < b) return 1;
  const aNan = a !== a;
  const bNan = b !== b;
  return aNan === bNan ? i - j : aNan ? 1 : -1;
}

/** Indices (from `first`) of the `k` largest of x[first .. first + n), best first. */
export function best(x: Float32Array, first: number, n: number, k: number): number[] {
  const row = x.subarray(first, first + n);
  if (k === 1 && n > 0) {
    let top = 0;
    for (let i = 1; i < n; i++) if (ahead(row, i, top) < 0) top = i;
    return [top];
  }
  const order = Array.from({ length: n }, (_, i) => i);
  return order.sort((i, j) => ahead(row, i, j)).slice(0, k);
}
