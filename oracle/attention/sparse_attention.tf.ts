/**
 * Attention over a key list with a sink, as a tensor program. A run of tokens shares one pool (the rows that any of them
 * lists), scores are dense over it, and a slot count masks the rest: matrix products instead of a gather of keys for every
 * token. A row with NaN or infinity would leak through 0 * NaN into queries that do not list it, so a token that lists one is
 * a run of its own.
 */
import type { op } from "../../kernels/attention/sparse_attention.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { floats, gatherRows, ints } from "../tf/io.ts";
import { product, program, put, sumLast } from "../tf/program.ts";

/** Elements of the [tokens, heads, pool] scores that are alive at once, and tokens of a run. */
const LIMIT = 2 ** 24;
const RUN = 64;
/** Lowest finite f32, an anchor for queries without keys. */
const LOWEST = -(2 ** 128 - 2 ** 104);

/** 2^x. */
const power = (x: tfjs.Tensor): tfjs.Tensor => tfjs.exp(tfjs.mul(x, Math.LN2));

/** Where each row of the pool is listed: compact row numbers, and how often token i of the run lists each. */
function poolOf(
  idx: Int32Array,
  first: number,
  n: number,
  nKey: number,
): { rows: number[]; count: Float32Array } {
  const place = new Map<number, number>();
  const listed = idx.subarray(first * nKey, (first + n) * nKey);
  for (const row of listed) if (row >= 0 && !place.has(row)) place.set(row, place.size);
  const count = new Float32Array(n * place.size);
  listed.forEach((row, j) => {
    const at = place.get(row);
    if (at !== undefined) count[Math.floor(j / nKey) * place.size + at]++;
  });
  return { rows: [...place.keys()], count };
}

/** Runs of tokens [first, end): short enough, and alone where a key is not finite. */
function runsOf(idx: Int32Array, finite: (row: number) => boolean, nTok: number, nKey: number, most: number) {
  const alone = Array.from({ length: nTok }, (_, i) =>
    idx.subarray(i * nKey, (i + 1) * nKey).some((row) => row >= 0 && !finite(row)),
  );
  const runs: { first: number; end: number }[] = [];
  for (let i = 0; i < nTok; i++) {
    const last = runs.at(-1);
    if (last && !alone[i] && !alone[last.first] && i - last.first < most) last.end = i + 1;
    else runs.push({ first: i, end: i + 1 });
  }
  return runs;
}

export const tf: Tf<typeof op> = (t, s) => {
  const { n_tok, n_head: h, head_dim: d, n_key, n_kv, scale } = s;
  const idx = ints(t.idx);
  const sink = floats(t.sink);
  const q = floats(t.q);
  const known = new Map<number, boolean>();
  const finite = (row: number): boolean => {
    let ok = known.get(row);
    if (ok === undefined)
      known.set(row, (ok = gatherRows(t.kv, [row], "sparse_attention.idx").every(Number.isFinite)));
    return ok;
  };
  const most = Math.max(1, Math.min(RUN, Math.floor(LIMIT / Math.max(1, h * Math.min(n_kv, RUN * n_key)))));
  const o = new Float32Array(n_tok * h * d);
  for (const { first, end } of runsOf(idx, finite, n_tok, n_key, most)) {
    const n = end - first;
    const { rows, count } = poolOf(idx, first, n, n_key);
    if (rows.length === 0) continue; // queries without keys give 0
    const y = program(() => {
      const kv = put(gatherRows(t.kv, rows, "sparse_attention.idx"), [rows.length, d]);
      const heads = put(q.subarray(first * h * d, end * h * d), [n * h, d]);
      const times = put(count, [n, 1, rows.length]);
      const ceiling = put(
        count.map((c) => (c > 0 ? Infinity : -Infinity)),
        [n, 1, rows.length],
      );
      const dots = tfjs.reshape(tfjs.mul(product(heads, kv), scale * Math.LOG2E), [n, h, rows.length]);
      const scores = tfjs.minimum(dots, ceiling); // -Infinity outside the list
      const m = tfjs.maximum(tfjs.ceil(tfjs.max(scores, 2, true)), LOWEST);
      const p = tfjs.mul(power(tfjs.sub(scores, m)), times);
      const drain = power(tfjs.sub(tfjs.mul(put(sink, [1, h, 1]), Math.LOG2E), m)); // Infinity drowns every key
      // the largest P is above 1/2: a sum of 0 is a query without keys, and its answer is 0
      const sum = sumLast(p);
      const total = tfjs.where(tfjs.equal(sum, 0), tfjs.onesLike(sum), tfjs.add(sum, drain));
      const values = tfjs.matMul(tfjs.reshape(p, [n * h, rows.length]) as tfjs.Tensor2D, kv as tfjs.Tensor2D);
      return { o: tfjs.div(tfjs.reshape(values, [n, h, d]), total) };
    }).o;
    o.set(y.data as Float32Array, first * h * d);
  }
  return { o: { dtype: "f32", shape: [n_tok, h, d], data: o } };
};
