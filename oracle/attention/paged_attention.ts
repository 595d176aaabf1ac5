/** sparse_attention over the rows that the packed cache's slots hold. */
import type { op } from "../../kernels/attention/paged_attention.op.ts";
import { PACKED, unpackRow, values } from "../num/index.ts";
import type { Exact } from "../op.ts";
import type { Tensor } from "../tensor.ts";
import { exact as sparse } from "./sparse_attention.ts";

export const exact: Exact<typeof op> = (t, s, r) => {
  const row = new Map<number, number>(); // of each slot that a list names
  const idx = Int32Array.from(values(t.idx), (slot) => {
    if (slot < 0) return -1;
    if (!row.has(slot)) row.set(slot, row.size);
    return row.get(slot)!;
  });
  const d = PACKED.channels;
  const rows = new Float64Array(row.size * d);
  for (const [slot, i] of row)
    unpackRow(t.cache.data as Uint8Array, slot, s.page_size, rows.subarray(i * d, (i + 1) * d));
  const kv: Tensor = r.store("bf16", rows, [row.size, d]);
  return sparse({ q: t.q, kv, idx: { ...t.idx, data: idx }, sink: t.sink }, { ...s, n_kv: row.size }, r);
};
