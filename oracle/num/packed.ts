/** Rows of the packed key/value cache (FlashMLA MODEL1): where their bytes are, and what they say. */
import { e4m3, E4M3_VALUES, ue8m0, UE8M0_VALUES } from "./formats.ts";
import { amax, fp8Scale } from "./quantise.ts";
import { values as decode } from "./storage.ts";
import type { Tensor } from "../tensor.ts";

export const PACKED = { channels: 512, nope: 448, block: 64 } as const;
const VALUES = 576;
const SCALES = 8;

/** First byte of a slot's values and of its scales. A page has whole multiples of a token's values. */
function places(slot: number, page_size: number): { values: number; scales: number } {
  const page = Math.floor(slot / page_size) * VALUES * Math.ceil((page_size * (VALUES + SCALES)) / VALUES);
  const at = slot % page_size;
  return { values: page + at * VALUES, scales: page + page_size * VALUES + at * SCALES };
}

/** Writes a row: `x` its channels as numbers, `turned` the bits of those that are copied. */
export function packRow(
  cache: Uint8Array,
  slot: number,
  page_size: number,
  x: Float64Array,
  turned: Uint16Array,
): void {
  const at = places(slot, page_size);
  for (let c = 0; c < PACKED.nope; c += PACKED.block) {
    const s = fp8Scale(amax(x, c, PACKED.block));
    cache[at.scales + c / PACKED.block] = ue8m0.encode(s);
    for (let k = c; k < c + PACKED.block; k++) cache[at.values + k] = e4m3.encode(x[k] / s);
  }
  turned.forEach((bits, i) => {
    cache[at.values + PACKED.nope + 2 * i] = bits & 255;
    cache[at.values + PACKED.nope + 2 * i + 1] = bits >> 8;
  });
}

/** Channels of a row, e4m3 codes times their scales not rounded. */
export function unpackRow(cache: Uint8Array, slot: number, page_size: number, to: Float64Array): void {
  const at = places(slot, page_size);
  for (let c = 0; c < PACKED.nope; c++)
    to[c] = E4M3_VALUES[cache[at.values + c]] * UE8M0_VALUES[cache[at.scales + Math.floor(c / PACKED.block)]];
  const turned = new Uint16Array(PACKED.channels - PACKED.nope);
  for (let i = 0; i < turned.length; i++) {
    const b = at.values + PACKED.nope + 2 * i;
    turned[i] = cache[b] | (cache[b + 1] << 8);
  }
  const t: Tensor = { dtype: "bf16", shape: [turned.length], data: turned };
  to.set(decode(t), PACKED.nope);
}
