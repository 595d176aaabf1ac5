/** The cache's listed slots as a pool of bf16 rows, then sparse_attention as a tensor program. */
import type { op } from "../../kernels/attention/paged_attention.op.ts";
import type { Tf } from "../op.ts";
import type { DType } from "../../kernels/schema.ts";
import { floats, ints } from "../tf/io.ts";
import { tf as sparse } from "./sparse_attention.tf.ts";

export const tf: Tf<typeof op> = (t, s, simulate) => {
  const { page_size } = s;
  const cache = t.cache.data as Uint8Array;
  const page_bytes = t.cache.shape[1];
  const read = (dtype: DType, from: number, n: number): Float32Array => {
    const data = cache.slice(from, from + (dtype === "bf16" ? 2 * n : n));
    return floats({ dtype, shape: [n], data: dtype === "bf16" ? new Uint16Array(data.buffer) : data });
  };
  const slots = [...new Set(ints(t.idx))].filter((slot) => slot >= 0);
  const kv = new Float32Array(512 * slots.length);
  slots.forEach((slot, i) => {
    const page = Math.floor(slot / page_size) * page_bytes;
    const token = slot % page_size;
    const codes = read("e4m3", page + 576 * token, 448);
    const scales = read("ue8m0", page + 576 * page_size + 8 * token, 7);
    kv.set(
      codes.map((code, c) => code * scales[Math.floor(c / 64)]),
      512 * i,
    );
    kv.set(read("bf16", page + 576 * token + 448, 64), 512 * i + 448);
  });
  const place = new Map(slots.map((slot, i) => [slot, i]));
  const idx = ints(t.idx).map((slot) => place.get(slot) ?? -1);
  const pool = { dtype: "f32", shape: [slots.length, 512], data: kv } as const;
  return sparse(
    { q: t.q, kv: pool, idx: { ...t.idx, data: idx }, sink: t.sink },
    { ...s, n_kv: slots.length },
    simulate,
  );
};
