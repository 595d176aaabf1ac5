/** Rows sorted by expert, then by slot = tok * n_act + i; row_slot and slot_row are inverse permutations. */
import type { op } from "../../kernels/moe/moe_dispatch.op.ts";
import { values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_tok, n_act, n_expert }, r) => {
  const ids = values(t.ids); // [n_tok, n_act]
  const n_row = n_tok * n_act;
  const offset = new Float64Array(n_expert + 1);
  const row_slot = new Float64Array(n_row);
  const slot_row = new Float64Array(n_row);
  const bad = ids.findIndex((e) => !(e >= 0 && e < n_expert));
  if (bad >= 0)
    throw new Error(
      `moe_dispatch: expected expert ids in 0..${n_expert - 1}, got ${ids[bad]} at slot ${bad}`,
    );
  let row = 0;
  for (let e = 0; e < n_expert; e++) {
    for (let slot = 0; slot < n_row; slot++)
      if (ids[slot] === e) {
        row_slot[row] = slot;
        slot_row[slot] = row++;
      }
    offset[e + 1] = row;
  }
  return {
    offset: r.store("i32", offset, [n_expert + 1]),
    row_tok: r.store(
      "i32",
      row_slot.map((s) => Math.floor(s / n_act)),
      [n_row],
    ),
    row_slot: r.store("i32", row_slot, [n_row]),
    row_expert: r.store(
      "i32",
      row_slot.map((s) => ids[s]),
      [n_row],
    ),
    slot_row: r.store("i32", slot_row, [n_tok, n_act]),
  };
};
