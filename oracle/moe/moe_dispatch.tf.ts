/** Rows of each expert: slots sorted by expert, equal experts by slot. Integers only, so this is a sort and not tensor work. */
import type { op } from "../../kernels/moe/moe_dispatch.op.ts";
import type { Tf } from "../op.ts";
import { ints } from "../tf/io.ts";

export const tf: Tf<typeof op> = (t, s) => {
  const ids = ints(t.ids);
  const n = s.n_tok * s.n_act;
  const bad = ids.find((id) => !(id >= 0 && id < s.n_expert));
  if (bad !== undefined)
    throw new Error(`moe_dispatch.ids: expected ids in 0..${s.n_expert - 1}, got ${bad}`);
  // the slot is the low part of the key, so one numeric sort is stable by construction
  const keys = Float64Array.from(ids, (id, slot) => id * n + slot).sort();
  const rowSlot = Int32Array.from(keys, (key) => key % n);
  const slotRow = new Int32Array(n);
  rowSlot.forEach((slot, row) => (slotRow[slot] = row));
  const offset = new Int32Array(s.n_expert + 1);
  for (let e = 0, row = 0; e <= s.n_expert; e++) {
    while (row < n && ids[rowSlot[row]] < e) row++;
    offset[e] = row;
  }
  return {
    offset: { dtype: "i32", shape: [s.n_expert + 1], data: offset },
    row_tok: { dtype: "i32", shape: [n], data: rowSlot.map((slot) => Math.floor(slot / s.n_act)) },
    row_slot: { dtype: "i32", shape: [n], data: rowSlot },
    row_expert: { dtype: "i32", shape: [n], data: rowSlot.map((slot) => ids[slot]) },
    slot_row: { dtype: "i32", shape: [s.n_tok, s.n_act], data: slotRow },
  };
};
