/** What a suite cannot say, because it ends a launch: a row whose expert has no resident weights never passes for a number. */
import { expect, test } from "vitest";
import type { RunOpRequest } from "../harness/native.ts";
import { native, needNative } from "../harness/native_tests.ts";
import { VARIANTS } from "../kernels/schema.ts";

needNative();

const [N, K, n_expert, n_slot] = [24, 256, 3, 2];
const OFFSET = Int32Array.of(0, 2, 2, 5); // expert 1 has no rows
const n_row = OFFSET[n_expert];
const ones = (n: number, code: number): Uint8Array => new Uint8Array(n).fill(code);

/** Every product is 1, so every element of y is K. */
const mxfp4 = (expert_slot: Int32Array): RunOpRequest => ({
  op: "expert_linear_mxfp4",
  inputs: {
    a: ones(n_row * K, 0x38),
    a_s: ones((n_row * K) / 128, 127),
    src_row: null,
    offset: OFFSET,
    expert_slot,
    w: ones((n_slot * N * K) / 2, 0x22),
    w_s: ones((n_slot * N * K) / 32, 127),
  },
  outputs: { y: 2 * n_row * N },
  scalars: { n_src: n_row, n_row, n_expert, n_slot, N, K },
});
const nvfp4 = (expert_slot: Int32Array): RunOpRequest => ({
  op: "expert_linear_nvfp4",
  inputs: {
    a: ones((n_row * K) / 2, 0x22),
    a_s: ones((n_row * K) / 16, 0x38),
    a_global: new Float32Array(n_expert).fill(1),
    offset: OFFSET,
    expert_slot,
    w: ones((n_slot * N * K) / 2, 0x22),
    w_s: ones((n_slot * N * K) / 16, 0x38),
    w_global: new Float32Array(n_slot).fill(1),
  },
  outputs: { y: 2 * n_row * N },
  scalars: { n_row, n_expert, n_slot, N, K },
});

test.each(VARIANTS.flatMap((v) => [mxfp4, nvfp4].map((op) => [v, op.name, op] as const)))(
  "%s %s",
  async (variant, _, op) => {
    const run = (slots: number[]) => native.runOp({ ...op(Int32Array.from(slots)), options: { variant } });
    const r = await run([1, -1, 0]);
    expect(r.variant).toBe(variant);
    const y = new Uint16Array(r.outputs.y.slice().buffer);
    expect(y).toEqual(new Uint16Array(n_row * N).fill(0x4380)); // 256 in bf16
    for (const slots of [
      [1, -1, -1],
      [-1, -1, 0],
      [1, -1, n_slot],
    ])
      await expect(run(slots), slots.join()).rejects.toThrow(/executed trap/);
  },
);
