/** Clamped SwiGLU times the routing weight as a tensor program; the clamps keep NaN (see `clamp`). */
import type { op } from "../../kernels/moe/swiglu.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { floats, ints } from "../tf/io.ts";
import { clamp, program, put, putInts, sigmoid } from "../tf/program.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const g = clamp(put(floats(t.g), [s.n_row, s.d_ff]), -Infinity, s.limit);
    const u = clamp(put(floats(t.u), [s.n_row, s.d_ff]), -s.limit, s.limit);
    const y = tfjs.mul(tfjs.mul(g, sigmoid(g)), u);
    if (!t.weight) return { y };
    const slots = t.row_slot ? ints(t.row_slot) : Int32Array.from({ length: s.n_row }, (_, i) => i);
    const w = tfjs.gather(put(floats(t.weight), [s.n_slot]), putInts(slots, [s.n_row]));
    return { y: tfjs.mul(y, tfjs.reshape(w, [s.n_row, 1])) };
  });
