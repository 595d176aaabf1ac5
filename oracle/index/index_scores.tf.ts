/** s = sum over heads of relu(q . k) w scale as a tensor program: one product for all heads of a run of tokens. */
import type { op } from "../../kernels/index/index_scores.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { dequantise, floats, matrix } from "../tf/io.ts";
import { product, program, put, sumLast } from "../tf/program.ts";

/** Elements of the [tokens, heads, entries] dot products that are alive at once. */
const LIMIT = 2 ** 24;

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const { n_tok, n_head, width, n_entry, scale } = s;
    const blocks = { rowBlock: 1, colBlock: 32 };
    const queries = dequantise(matrix(t.q, { values: t.q_s, ...blocks }), 0, n_tok * n_head);
    const keys = dequantise(matrix(t.k, { values: t.k_s, ...blocks }), 0, n_entry);
    const q = put(queries, [n_tok, n_head * width]);
    const k = put(keys, [n_entry, width]);
    const w = tfjs.mul(put(floats(t.w), [n_tok, n_head]), scale);
    const run = Math.max(1, Math.floor(LIMIT / Math.max(1, n_head * n_entry)));
    const parts: tfjs.Tensor[] = [tfjs.zeros([0, n_entry])];
    for (let i = 0; i < n_tok; i += run) {
      const n = Math.min(run, n_tok - i);
      const part = tfjs.tidy(() => {
        const heads = tfjs.reshape(tfjs.slice(q, [i, 0], [n, n_head * width]), [n * n_head, width]);
        const dots = tfjs.reshape(tfjs.relu(product(heads, k)), [n, n_head, n_entry]);
        const weighted = tfjs.mul(dots, tfjs.reshape(tfjs.slice(w, [i, 0], [n, n_head]), [n, n_head, 1]));
        return tfjs.reshape(sumLast(tfjs.transpose(weighted, [0, 2, 1])), [n, n_entry]);
      });
      parts.push(part);
    }
    return { s: parts.length > 1 ? tfjs.concat(parts.slice(1), 0) : parts[0] };
  });
