/** s = sum over heads of relu(q . k) w scale as a tensor program: one product for all heads of a run of tokens. */
import type { op } from "../../kernels/index/index_scores.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { dequantise, floats, matrix } from "../tf/io.ts";
import { product, program, put, sumLast } from "../tf/program.ts";

/** Elements of the [tokens, heads, entries] dot products that are alive at once. */
const LIMIT = 2 ** 24;

/** The backend's own relu compares bits, so that a NaN with its sign set, as -NaN codes and inf - inf give, would be 0. */
const relu = (x: tfjs.Tensor): tfjs.Tensor => tfjs.where(tfjs.less(x, 0), tfjs.zerosLike(x), x);

/** Sums over heads [n_tok, n_entry] of q [n_tok, n_head, width], k [n_entry, width], weights [n_tok, n_head]. */
export function weightedSums(
  queries: Float32Array,
  k: tfjs.Tensor,
  weights: tfjs.Tensor,
  width: number,
): tfjs.Tensor {
  const [n_tok, n_head] = weights.shape;
  const n_entry = k.shape[0];
  const q = put(queries, [n_tok, n_head * width]);
  const run = Math.max(1, Math.floor(LIMIT / Math.max(1, n_head * n_entry)));
  const parts: tfjs.Tensor[] = [tfjs.zeros([0, n_entry])];
  for (let i = 0; i < n_tok; i += run) {
    const n = Math.min(run, n_tok - i);
    const part = tfjs.tidy(() => {
      const heads = tfjs.reshape(tfjs.slice(q, [i, 0], [n, n_head * width]), [n * n_head, width]);
      const dots = tfjs.reshape(relu(product(heads, k)), [n, n_head, n_entry]);
      const weighted = tfjs.mul(dots, tfjs.reshape(tfjs.slice(weights, [i, 0], [n, n_head]), [n, n_head, 1]));
      return tfjs.reshape(sumLast(tfjs.transpose(weighted, [0, 2, 1])), [n, n_entry]);
    });
    parts.push(part);
  }
  return parts.length > 1 ? tfjs.concat(parts.slice(1), 0) : parts[0];
}

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const { n_tok, n_head, width, n_entry, scale } = s;
    const blocks = { rowBlock: 1, colBlock: 32 };
    const queries = dequantise(matrix(t.q, { values: t.q_s, ...blocks }), 0, n_tok * n_head);
    const keys = dequantise(matrix(t.k, { values: t.k_s, ...blocks }), 0, n_entry);
    const w = tfjs.mul(put(floats(t.w), [n_tok, n_head]), scale);
    return { s: weightedSums(queries, put(keys, [n_entry, width]), w, width) };
  });
