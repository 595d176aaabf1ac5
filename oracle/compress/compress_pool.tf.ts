/** Softmax pooling of windows of tokens, per channel, as a tensor program; with overlap the previous window joins. */
import type { op } from "../../kernels/compress/compress_pool.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { floats } from "../tf/io.ts";
import { program, put, sumLast } from "../tf/program.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const { n_tok, n_entry: n, ratio, n_coff, width, tok0, entry0 } = s;
    if (n * width === 0) return { v: tfjs.zeros([n, width]) };
    const kv = put(floats(t.kv), [n_tok, n_coff * width]);
    const gate = put(floats(t.gate), [n_tok, n_coff * width]);
    const ape = put(floats(t.ape), [1, ratio, n_coff * width]);
    // channel half `half` of the windows of entries [entry, entry + count), as [count, ratio, width]
    const windows = (x: tfjs.Tensor, half: number, entry: number, count: number): tfjs.Tensor => {
      const row = entry * ratio - tok0;
      if (row < 0 || row + count * ratio > n_tok)
        throw new Error(
          `compress_pool: expected tokens ${entry * ratio}..${(entry + count) * ratio - 1} in kv, got ${tok0}..${tok0 + n_tok - 1}`,
        );
      return tfjs.reshape(tfjs.slice(x, [row, half * width], [count * ratio, width]), [count, ratio, width]);
    };
    const logits = (half: number, entry: number, count: number): tfjs.Tensor =>
      tfjs.add(windows(gate, half, entry, count), tfjs.slice(ape, [0, 0, half * width], [1, ratio, width]));
    const own = n_coff - 1;
    const values = [windows(kv, own, entry0, n)];
    const scores = [logits(own, entry0, n)];
    if (n_coff === 2) {
      // entry 0 has no window before it: value 0 at weight exp(-Infinity) = 0
      const missing = entry0 === 0 ? 1 : 0;
      const count = n - missing;
      const from = entry0 + missing - 1;
      const before = (x: (count: number) => tfjs.Tensor, filler: number): tfjs.Tensor => {
        const gap = tfjs.fill([missing, ratio, width], filler);
        return count === 0 ? gap : missing === 0 ? x(count) : tfjs.concat([gap, x(count)], 0);
      };
      values.unshift(before((c) => windows(kv, 0, from, c), 0));
      scores.unshift(before((c) => logits(0, from, c), -Infinity));
    }
    const slotsLast = (parts: tfjs.Tensor[]): tfjs.Tensor => tfjs.transpose(tfjs.concat(parts, 1), [0, 2, 1]);
    const weights = tfjs.softmax(slotsLast(scores)); // [entry, channel, slot]
    return { v: tfjs.reshape(sumLast(tfjs.mul(weights, slotsLast(values))), [n, width]) };
  });
