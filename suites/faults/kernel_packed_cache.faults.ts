/** Faults of the packed key/value cache: where a slot's bytes are, what its scales say, and how attention unpacks them. */
import type { Fault } from "../../harness/faults.ts";
import { kernel } from "./kernel.ts";

const CACHE = "kernels/common/packed_cache.cuh";
const KEYS = "kernels/common/attention_keys.cuh";
const PAGES = "kernels/common/umma_attention_pages.cuh";

const insert = (id: string, what: string, find: string, replace: string, file = CACHE): Fault =>
  kernel(`insert-${id}`, "quant/kv_insert", what, find, replace, { file });

const inserts: Fault[] = [
  insert("page-unpadded", "pages lie end to end", "+ VALUE_BYTES - 1) / VALUE_BYTES);", ") / VALUE_BYTES);"),
  insert(
    "page-of-the-slot-before",
    "a page's first slot is looked for in the page before",
    "return slot / page_size *",
    "return (slot - 1) / page_size *",
  ),
  insert(
    "scales-behind-their-values",
    "a token's scales follow its values, not those of all tokens",
    "values_at(page(slot) + page_size) + slot % page_size * SCALE_BYTES",
    "values(slot) + VALUE_BYTES",
  ),
  insert(
    "scale-index",
    "scales are a byte late, the last on nobody's byte",
    "pages.scales(slot)[c / BLOCK] =",
    "pages.scales(slot)[c / BLOCK + 1] =",
  ),
  insert(
    "scale-unbiased",
    "scales are exponents without their bias",
    "uint8_t(code);",
    "uint8_t(code - 127);",
  ),
  insert("scale-of-two-blocks", "128 channels share a scale", "LANES = BLOCK / 8;", "LANES = BLOCK / 4;"),
  insert(
    "padding-cleared",
    "the byte behind the scales is set to 0",
    "store16(pages.values(slot) + NOPE + 2 * (c - NOPE), v);",
    "store16(pages.values(slot) + NOPE + 2 * (c - NOPE), v), pages.scales(slot)[7] = 0;",
  ),
  insert(
    "turned-in-front",
    "the channels that are not quantised go to the row's beginning",
    "pages.values(slot) + NOPE + 2 * (c - NOPE), v",
    "pages.values(slot) + 2 * (c - NOPE), v",
  ),
  insert(
    "slot-clamped",
    "a row without a slot goes to slot 0",
    "const int slot = p.slot[row];",
    "const int slot = max(p.slot[row], 0);",
    "kernels/quant/kv_insert.cu",
  ),
];

const paged = (
  id: string,
  what: string,
  find: string,
  replace: string,
  file = PAGES,
  blame: Fault["blame"] = "FAIL",
): Fault => kernel(`paged-${id}`, "attention/paged_attention", what, find, replace, { file, blame });

const reads: Fault[] = [
  paged(
    "scale-of-the-first-half",
    "channels from 256 on take the scales of those below",
    "(c < 4 * BLOCK ? scales.x : scales.y)",
    "scales.x",
    CACHE,
  ),
  paged(
    "scale-unbiased",
    "a scale's byte is taken for its value",
    "return ue8m0_to_f32((c",
    "return float((c",
    CACHE,
  ),
  paged(
    "turned-in-front",
    "the channels that are not quantised are read from the row's beginning",
    "load16(k.values + packed::NOPE + 2 * (d - packed::NOPE))",
    "load16(k.values + 2 * (d - packed::NOPE))",
    KEYS,
  ),
  paged(
    "turned-as-codes",
    "the last 64 channels are taken for codes",
    "if (d >= packed::NOPE) return",
    "if (d >= packed::CHANNELS) return",
    KEYS,
  ),
];

const unpacks: Fault[] = [
  paged(
    "sm100-scales-of-the-lane",
    "a lane takes the scales of the row that it looks after",
    "__shfl_sync(~0u, scales.y, r)",
    "scales.y",
  ),
  paged(
    "sm100-rows-of-the-first-warp",
    "every warp unpacks the tile's first sixteen keys",
    "own + first + a.lane)",
    "own + a.lane)",
    PAGES,
  ),
  paged(
    "sm100-slot-clamped",
    "an empty slot's row is what slot 0 holds",
    "slot < 0 ? -1 : pages.row(slot)",
    "pages.row(max(slot, 0))",
  ),
  paged(
    "sm100-slot-as-row",
    "a slot is taken for a row, as if pages had no scales",
    ": pages.row(slot);",
    ": slot;",
  ),
  paged(
    "sm100-unswizzled-half",
    "the second half of a row goes where the first is",
    "to.put(first + r, high,",
    "to.put(first + r, low,",
    PAGES,
    "ERROR",
  ),
  paged(
    "sm100-unfenced",
    "unpacked keys are not made visible to the tensor core",
    "{ ptx::fence_proxy_async(); }",
    "{}",
    PAGES,
    "ERROR",
  ),
  paged(
    "sm100-keys-overwritten",
    "keys are unpacked into a stage that the tensor core still reads",
    "Cta::wait(&a.sh.done[ring.stage], ring.parity ^ 1);",
    "",
    PAGES,
    "ERROR",
  ),
  paged(
    "sm100-first-warp-suffices",
    "the scores begin when one of four warps has its keys",
    "ARRIVALS = WARPS,",
    "ARRIVALS = 1,",
    PAGES,
    "ERROR",
  ),
];

export const faults: readonly Fault[] = [...inserts, ...reads, ...unpacks];
