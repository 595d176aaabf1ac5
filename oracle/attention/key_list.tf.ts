/** Key lists as an integer tensor program: window slots count back from the token, compressed slots follow. */
import type { op } from "../../kernels/attention/key_list.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { ints } from "../tf/io.ts";
import { program, putInts } from "../tf/program.ts";

const range = (n: number): tfjs.Tensor =>
  putInts(
    Int32Array.from({ length: n }, (_, i) => i),
    [1, n],
  );

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const n = s.n_tok;
    const whole = (x: number): tfjs.Tensor => tfjs.scalar(x, "int32");
    const none = (like: tfjs.Tensor): tfjs.Tensor => tfjs.fill(like.shape, -1, "int32");
    const keep = (test: tfjs.Tensor, x: tfjs.Tensor): tfjs.Tensor => tfjs.where(test, x, none(x));
    const lists: tfjs.Tensor[] = [];
    if (n * s.window > 0) {
      const pos = putInts(ints(t.pos), [n, 1]);
      const token = tfjs.add(tfjs.sub(pos, whole(s.window - 1)), range(s.window));
      lists.push(keep(tfjs.greaterEqual(token, whole(0)), tfjs.sub(token, whole(s.raw0))));
    }
    if (n * s.n_comp > 0) {
      let entry: tfjs.Tensor;
      let there: tfjs.Tensor;
      if (t.comp) {
        entry = putInts(ints(t.comp), [n, s.n_comp]);
        there = tfjs.greaterEqual(entry, whole(0));
      } else {
        // complete windows at each token, and no more than the pool holds; integer division stays off the backend
        const visible = ints(t.pos).map((p) => Math.min(Math.floor((p + 1) / s.ratio), s.n_entry));
        entry = tfjs.tile(range(s.n_comp), [n, 1]);
        there = tfjs.less(entry, tfjs.tile(putInts(visible, [n, 1]), [1, s.n_comp]));
      }
      lists.push(keep(there, tfjs.add(entry, whole(s.n_raw))));
    }
    return {
      idx: lists.length > 0 ? tfjs.concat(lists, 1) : tfjs.zeros([n, s.window + s.n_comp], "int32"),
    };
  });
