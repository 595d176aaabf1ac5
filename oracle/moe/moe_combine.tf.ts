/** Routed outputs by slot, then the shared one, as a tensor program: one gather and one addition a slot. */
import type { op } from "../../kernels/moe/moe_combine.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { floats, ints } from "../tf/io.ts";
import { program, put, putInts } from "../tf/program.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const routed = put(floats(t.routed), [s.n_row, s.d_model]);
    const rows = ints(t.slot_row);
    let z: tfjs.Tensor = tfjs.zeros([s.n_tok, s.d_model]);
    for (let slot = 0; slot < s.n_act; slot++) {
      const of = Int32Array.from({ length: s.n_tok }, (_, i) => rows[i * s.n_act + slot]);
      z = tfjs.add(z, tfjs.gather(routed, putInts(of, [s.n_tok])));
    }
    return { z: tfjs.add(z, put(floats(t.shared), [s.n_tok, s.d_model])) };
  });
