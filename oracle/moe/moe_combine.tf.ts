/**
 * Routed outputs by slot, then the shared one, as a tensor program: one gather and one addition a slot. What the float32
 * additions lose is carried along, since outputs that cancel would else differ from the sum that is meant.
 */
import type { op } from "../../kernels/moe/moe_combine.op.ts";
import type { Tf } from "../op.ts";
import { tfjs } from "../tf/backend.ts";
import { floats, ints } from "../tf/io.ts";
import { program, put, putInts, twoSum } from "../tf/program.ts";

export const tf: Tf<typeof op> = (t, s) =>
  program(() => {
    const { n_tok, n_act, d_model } = s;
    const routed = put(floats(t.routed), [s.n_row, d_model]);
    const rows = ints(t.slot_row);
    let sum: tfjs.Tensor = put(floats(t.shared), [n_tok, d_model]);
    let lost: tfjs.Tensor = tfjs.zerosLike(sum);
    for (let slot = 0; slot < n_act; slot++) {
      const of = Int32Array.from({ length: n_tok }, (_, i) => rows[i * n_act + slot]);
      const next = twoSum(sum, tfjs.gather(routed, putInts(of, [n_tok])));
      sum = next.sum;
      lost = tfjs.add(lost, next.lost);
    }
    return { z: tfjs.add(sum, lost) };
  });
