/** The packed cache's bytes after the call, as numbers; always with their format, which bytes cannot do without. */
import type { op } from "../../kernels/quant/kv_insert.op.ts";
import type { Tf } from "../op.ts";
import { floats, ints } from "../tf/io.ts";
import { scaleBlocks, toE4m3 } from "../tf/round.ts";

/** Code of each e4m3 magnitude. */
const CODE = new Map(
  Array.from(
    floats({ dtype: "e4m3", shape: [127], data: Uint8Array.from({ length: 127 }, (_, i) => i) }),
    (v, code) => [v, code],
  ),
);
const codeOf = (v: number): number =>
  Number.isNaN(v) ? 127 : CODE.get(Math.abs(v))! + (v < 0 || Object.is(v, -0) ? 128 : 0);

export const tf: Tf<typeof op> = (t, { page_size }) => {
  const cache = floats(t.before).slice();
  const page_bytes = t.before.shape[1];
  const x = floats(t.x);
  const bits = t.x.data as Uint16Array;
  const slots = ints(t.slot);
  const pageOf = (slot: number): number => Math.floor(slot / page_size) * page_bytes;
  scaleBlocks(x, 512, { end: 448, block: 64, floor: 1e-4, max: 448 }, (first, end, scale) => {
    const slot = slots[Math.floor(first / 512)];
    if (slot < 0) return;
    const [row, c] = [slot % page_size, first % 512];
    cache[pageOf(slot) + 576 * page_size + 8 * row + c / 64] = Number.isNaN(scale)
      ? 255
      : 127 + Math.round(Math.log2(scale));
    for (let i = first; i < end; i++)
      cache[pageOf(slot) + 576 * row + (i % 512)] = codeOf(toE4m3(x[i] / scale));
  });
  slots.forEach((slot, i) => {
    if (slot < 0) return;
    const turned = pageOf(slot) + 576 * (slot % page_size) + 448;
    for (let k = 0; k < 64; k++) {
      cache[turned + 2 * k] = bits[512 * i + 448 + k] % 256;
      cache[turned + 2 * k + 1] = Math.floor(bits[512 * i + 448 + k] / 256);
    }
  });
  return { cache: { dtype: "f32", shape: t.before.shape, data: cache } };
};
