/** The float64 inner loop that every GEMM-like oracle shares. */

/**
 * Dot products of all `rows` rows of `a` ([rows, K]) with one vector at a time: `load(n, w)` fills w (K numbers) for n = 0 .. count-1,
 * then `sink(n, dots)` gets one dot product a row. Both buffers are reused. A weight row is decoded once and never as a whole
 * matrix; four rows of `a` share each load of w, and a last single row runs four partial sums.
 */
export function dotRows(
  a: Float64Array,
  rows: number,
  K: number,
  count: number,
  load: (n: number, w: Float64Array) => void,
  sink: (n: number, dots: Float64Array) => void,
): void {
  const w = new Float64Array(K);
  const dots = new Float64Array(rows);
  for (let n = 0; n < count; n++) {
    load(n, w);
    let m = 0;
    for (; m + 4 <= rows; m += 4) dot4(a, m * K, K, w, dots, m);
    for (; m < rows; m++) dots[m] = dot(a, m * K, w, K);
    sink(n, dots);
  }
}

function dot4(a: Float64Array, at: number, K: number, w: Float64Array, dots: Float64Array, m: number): void {
  const a1 = at + K;
  const a2 = a1 + K;
  const a3 = a2 + K;
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let k = 0; k < K; k++) {
    const x = w[k];
    s0 += a[at + k] * x;
    s1 += a[a1 + k] * x;
    s2 += a[a2 + k] * x;
    s3 += a[a3 + k] * x;
  }
  dots[m] = s0;
  dots[m + 1] = s1;
  dots[m + 2] = s2;
  dots[m + 3] = s3;
}

/** a[at .. at+K) . w */
export function dot(a: Float64Array, at: number, w: Float64Array, K: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let k = 0;
  for (; k + 4 <= K; k += 4) {
    s0 += a[at + k] * w[k];
    s1 += a[at + k + 1] * w[k + 1];
    s2 += a[at + k + 2] * w[k + 2];
    s3 += a[at + k + 3] * w[k + 3];
  }
  for (; k < K; k++) s0 += a[at + k] * w[k];
  return s0 + s1 + (s2 + s3);
}

/** Multiplies each run of `block` numbers of `row` by its scale: scale[at], scale[at + 1], ... */
export function scaleBlocks(
  row: Float64Array,
  start: number,
  K: number,
  block: number,
  scale: Float64Array,
  at: number,
): void {
  for (let k0 = 0, b = at; k0 < K; k0 += block, b++) {
    const x = scale[b];
    const end = start + Math.min(K, k0 + block);
    for (let k = start + k0; k < end; k++) row[k] *= x;
  }
}
