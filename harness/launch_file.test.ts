/** Launch files: what they become, and one sentence each on what is wrong with them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UsageError } from "./exit.ts";
import { launchRequest, readLaunch } from "./launch_file.ts";
import type { LaunchRequest } from "./native.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "dsv4-launch-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const BASE = { entry: "k", grid: [1], block: [32] };
function request(change: object): LaunchRequest {
  const path = join(dir, "l.json");
  writeFileSync(path, JSON.stringify({ ...BASE, ...change }));
  return launchRequest(readLaunch(path), path, "k.ptx");
}
const X = { name: "x", dtype: "BF16", shape: [8, 64] };
const MAP = { buffer: "x", type: "BFLOAT16", dims: [64, 8], strides: [128], box: [64, 8], swizzle: "128B" };

test("scalars become their bytes, little-endian", () => {
  const { params } = request({
    params: [
      { type: "u16", value: 0x1234 },
      { type: "i64", value: "-2" },
      { type: "f16", value: 1.5 },
      { type: "bf16", value: -2 },
      { type: "u64", value: "0xfedcba9876543210" },
    ],
  });
  expect(params.map((p) => [...p.bytes])).toEqual([
    [0x34, 0x12],
    [254, 255, 255, 255, 255, 255, 255, 255],
    [0x00, 0x3e],
    [0x00, 0xc0],
    [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe],
  ]);
});

test("a struct holds scalars, addresses and tensor maps at their offsets", () => {
  const { params } = request({
    buffers: [X],
    params: [
      {
        bytes: 256,
        fields: [
          { at: 4, value: { type: "u32", value: 7 } },
          { at: 8, value: { buffer: "x", offset: 16 } },
          { at: 128, value: { tensor_map: MAP } },
        ],
      },
    ],
  });
  expect(params[0].bytes[4]).toBe(7);
  expect(params[0].addresses).toEqual([{ at: 8, buffer: 0, offset: 16 }]);
  expect(params[0].maps).toMatchObject([
    { at: 128, buffer: 0, type: 9, swizzle: 3, interleave: 0, elementStrides: [1, 1] },
  ]);
});

test("a .npy file fills a buffer of its dtype and shape", () => {
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }".padEnd(117) + "\n";
  const numbers = Float32Array.of(1, 2, 3, 4, 5, 6);
  writeFileSync(
    join(dir, "x.npy"),
    Buffer.concat([
      Buffer.from("\x93NUMPY\x01\x00", "latin1"),
      Buffer.from([header.length, 0]),
      Buffer.from(header, "latin1"),
      Buffer.from(numbers.buffer),
    ]),
  );
  const of = (shape: number[]): LaunchRequest =>
    request({ params: [{ name: "x", dtype: "F32", shape, fill: { file: "x.npy" } }] });
  expect(Buffer.compare(of([2, 3]).buffers[0] as Uint8Array, Buffer.from(numbers.buffer))).toBe(0);
  expect(() => of([3, 2])).toThrow(/x\.npy: expected F32 \[3, 2\], got F32 \[2, 3\]/u);
});

describe("one sentence on what is wrong", () => {
  test.each<[string, object, RegExp]>([
    ["no such buffer", { params: [{ buffer: "y" }] }, /expected one of the buffers \(none\), got "y"/u],
    ["a buffer twice", { buffers: [X, X], params: [] }, /expected each buffer once, got "x" twice/u],
    [
      "a field outside its struct",
      { params: [{ bytes: 4, fields: [{ at: 2, value: { type: "u32", value: 1 } }] }] },
      /expected a field of 4 bytes inside a struct of 4, got offset 2/u,
    ],
    [
      "a map of another rank",
      { buffers: [X], params: [{ tensor_map: { ...MAP, strides: [] } }] },
      /tensor map over "x": expected 1 strides for 2 dims, got 0/u,
    ],
    [
      "a scalar out of range",
      { params: [{ type: "u8", value: 256 }] },
      /type u8: expected an integer in 0\.\.255, got 256/u,
    ],
    ["useful MACs that are none", { params: [], useful_macs: -5 }, /key "useful_macs": .*>0/u],
    ["useful MACs in parts", { params: [], useful_macs: 1.5 }, /key "useful_macs": .*int/u],
    ["an unknown key", { params: [], gird: [1] }, /gird/u],
    [
      "more bytes than a host array",
      { params: [{ name: "x", dtype: "F32", shape: [1e6, 1e6] }] },
      /buffer "x": expected at most 4294967295 bytes, got 4000000000000/u,
    ],
  ])("%s", (_, change, sentence) => {
    expect(() => request(change)).toThrow(UsageError);
    expect(() => request(change)).toThrow(sentence);
  });
});
