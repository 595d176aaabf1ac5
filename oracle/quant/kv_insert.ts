/** Rows into slots of a packed cache: 448 e4m3 with a scale per 64, 64 bf16 as they are; every other byte as it was. */
import type { op } from "../../kernels/quant/kv_insert.op.ts";
import { encode, PACKED, packRow, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

// bytes have no unrounded form: the price of the format is kv_fp8_sim's, and the ideal oracle gives the same bytes
export const exact: Exact<typeof op> = (t, { n_row, page_size }) => {
  const { channels, nope } = PACKED;
  const x = values(t.x); // [n_row, 512]
  // as bits, where it has them: a NaN that is copied keeps its payload
  const bits = (t.x.dtype === "bf16" ? t.x : encode("bf16", x, t.x.shape)).data as Uint16Array;
  const slot = values(t.slot);
  const cache = Uint8Array.from(t.before.data as Uint8Array);
  for (let i = 0; i < n_row; i++) {
    const [first, end] = [i * channels, (i + 1) * channels];
    if (slot[i] >= 0)
      packRow(cache, slot[i], page_size, x.subarray(first, end), bits.subarray(first + nope, end));
  }
  return { cache: { dtype: "u8", shape: t.before.shape, data: cache } };
};
