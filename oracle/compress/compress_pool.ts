/**
 * v[n] = bf16(sum over slots of softmax(gate + ape) kv), each channel on its own. Slots of entry n: the tokens of its window; with
 * overlap (n_coff 2) first the previous window's tokens by their first halves, then its own by their second halves.
 */
import type { op } from "../../kernels/compress/compress_pool.op.ts";
import { values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_tok, n_entry, ratio, n_coff, width, tok0, entry0 }, r) => {
  const kv = values(t.kv); // [n_tok, n_coff*width]
  const gate = values(t.gate); // [n_tok, n_coff*width]
  const ape = values(t.ape); // [ratio, n_coff*width]
  const cols = n_coff * width;
  const v = new Float64Array(n_entry * width);
  const score = new Float64Array(n_coff * ratio);
  for (let i = 0; i < n_entry; i++) {
    const n = entry0 + i;
    const first = n_coff === 2 && n > 0 ? (n - 1) * ratio : n * ratio; // the oldest token that entry n needs
    if (first < tok0 || (n + 1) * ratio > tok0 + n_tok)
      throw new Error(
        `compress_pool: expected tokens ${first}..${(n + 1) * ratio - 1} for entry ${n}, got ${tok0}..${tok0 + n_tok - 1}`,
      );
    for (let c = 0; c < width; c++) {
      const own = c + (n_coff - 1) * width; // column of a token in its own window
      const count = (n + 1) * ratio - first;
      const column = (slot: number): number => (slot < count - ratio ? c : own);
      let max = -Infinity;
      for (let slot = 0; slot < count; slot++) {
        const at = (first + slot - tok0) * cols + column(slot);
        score[slot] = gate[at] + ape[(slot % ratio) * cols + column(slot)];
        max = Math.max(max, score[slot]);
      }
      let sum = 0;
      let pooled = 0;
      for (let slot = 0; slot < count; slot++) {
        const p = Math.exp(score[slot] - max);
        sum += p;
        pooled += p * kv[(first + slot - tok0) * cols + column(slot)];
      }
      v[i * width + c] = pooled / sum;
    }
  }
  return { v: r.store("bf16", v, [n_entry, width]) };
};
