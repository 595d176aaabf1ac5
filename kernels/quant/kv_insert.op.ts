import { defineOp, exact, inPlace, t } from "../schema.ts";

const cache = t("u8", ["n_page", "page_size*584/576*576"]);
/** Rows that have a slot; all of them where the list is not known. */
const placed = (n_row: number, slot?: Int32Array): number =>
  slot ? slot.filter((s) => s >= 0).length : n_row;

export const op = defineOp({
  name: "kv_insert",
  family: "quant",
  cite: "FlashMLA tests/quant.py quantize_k_cache (MODEL1); DeepSeek-V4 inference/kernel.py act_quant inplace, block 64",
  axes: {
    n_row: "rows",
    n_page: "pages of the cache",
    page_size: "tokens of a page",
  },
  in: {
    x: t("bf16", ["n_row", "512"]),
    slot: t("i32", ["n_row"]),
    before: cache,
  },
  out: {
    cache: inPlace("before", cache, exact("a quantiser, copies, and bytes that nobody may touch")),
  },
  contract:
    "row i goes to slot s = slot[i], token s % page_size of page s / page_size; a negative slot skips the row, no two rows have the same. A page holds the values of all its tokens, 576 bytes each (channels 0-447 as e4m3, 448-511 as they are), then their scales, 8 bytes each (ue8m0 of 64 channels, seven times, and a byte that is left alone), and begins on a multiple of 576 bytes. Codes and scales are those of kv_fp8_sim: s = 2^ceil(log2(fl32(max(amax, 1e-4) * fl32(1/448)))), e4m3(clamp(x / s, -448, 448)); a block with NaN or infinity has scale 255 and codes 127. Other bytes of the cache stay. x and cache are on 16 bytes",
  launch: { grid: ["ceil_div(n_row, 4)"], block: 128 },
  flops: ({ n_row }) => 4 * 448 * n_row,
  reads: ({ n_row }, { slot }) => ({ x: 512 * placed(n_row, slot), before: 0 }),
  writes: ({ n_row }, { slot }) => ({ cache: (576 + 7) * placed(n_row, slot) }),
  packed: {
    of: "kv_fp8_sim",
    scalars: ({ n_row }) => ({ n_row, n_page: Math.ceil(n_row / 64), page_size: 64 }),
  },
  quantiser: true,
});
