/**
 * Token sampling: the probabilities are a tensor program; the random numbers, the top-p border and the race are integer and
 * order work on typed arrays. Philox4x32-10 after Salmon et al. 2011, table 2 and section 3.3.
 */
import type { op } from "../../kernels/sample/sample.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { floats, ints } from "../tf/io.ts";
import { best } from "../tf/order.ts";
import { program, put } from "../tf/program.ts";

/** High and low words of a 32 x 32 bit product, from 16-bit halves. */
function multiply(a: number, b: number): [high: number, low: number] {
  const [ah, al, bh, bl] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = ah * bl + ((al * bl) >>> 16); // at most 2^32 - 2^16, exact
  const cross = al * bh + (middle % 0x10000);
  const high = ah * bh + Math.floor(middle / 0x10000) + Math.floor(cross / 0x10000);
  return [high >>> 0, Math.imul(a, b) >>> 0];
}

/** The four words of Philox4x32-10 for one counter and key. */
export function philox(counter: readonly number[], key: readonly [number, number]): number[] {
  let [c0, c1, c2, c3] = counter.map((c) => c >>> 0);
  let [k0, k1] = key.map((k) => k >>> 0);
  for (let round = 0; round < 10; round++) {
    const [h0, l0] = multiply(0xd2511f53, c0);
    const [h1, l1] = multiply(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [(h1 ^ c1 ^ k0) >>> 0, l1, (h0 ^ c3 ^ k1) >>> 0, l0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** Smallest probability that is kept: the largest ones up to a sum of `topP`, equal ones together. */
function border(p: Float32Array, topP: number): number {
  if (topP >= 1) return 0;
  const sorted = Float32Array.from(p).sort();
  let sum = 0;
  for (let i = sorted.length - 1; i >= 0; i--) {
    sum += sorted[i];
    if (sum >= topP) return sorted[i];
  }
  return 0;
}

export const tf: Tf<typeof op> = (t, s) => {
  const { n_row, vocab, temperature, top_p, seed } = s;
  const logits = floats(t.logits);
  const pos = ints(t.pos);
  // -1 where nothing can be chosen: every logit is NaN, or the softmax has no number
  const id = new Int32Array(n_row).fill(-1);
  for (let row = 0; row < n_row; row++) {
    if (temperature <= 0) {
      const [top] = best(logits, row * vocab, vocab, 1);
      if (!Number.isNaN(logits[row * vocab + top])) id[row] = top;
      continue;
    }
    const p = program(() => {
      const scaled = tfjs.div(
        put(logits.subarray(row * vocab, (row + 1) * vocab), [1, vocab]),
        Math.max(temperature, 1e-5),
      );
      return { p: tfjs.softmax(scaled) };
    }).p.data as Float32Array;
    const least = border(p, top_p);
    let fastest = -Infinity;
    let words: number[] = [];
    for (let i = 0; i < vocab; i++) {
      if (i % 4 === 0) words = philox([i / 4, 0, 0, 0], [seed, pos[row]]);
      if (p[i] < least) continue;
      const race = p[i] / -Math.log(((words[i % 4] >>> 8) + 0.5) * 2 ** -24);
      if (race > fastest) [fastest, id[row]] = [race, i];
    }
  }
  return { id: { dtype: "i32", shape: [n_row], data: id } };
};
