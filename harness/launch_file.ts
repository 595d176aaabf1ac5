/**
 * A launch as a file: entry, grid, block, shared memory, and parameters in order, each a scalar or a buffer with a fill.
 *
 * { "entry": "saxpy", "grid": [4], "block": [128], "params": [
 *   { "type": "i32", "value": 500 }, { "type": "f32", "value": 2 },
 *   { "name": "x", "dtype": "F32", "shape": [500], "fill": "iota" },
 *   { "name": "y", "dtype": "F32", "shape": [500], "fill": { "random": 7 }, "out": true } ] }
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { ELEMENT_BYTES, SafetensorsFile, type ElementType, type Source } from "../fixtures/safetensors.ts";
import { fmix32 } from "../fixtures/synthetic.ts";
import { bf16 } from "../oracle/num/index.ts";
import { numel } from "../oracle/tensor.ts";
import { UsageError } from "./exit.ts";
import type { LaunchArg } from "./native.ts";

const size = z.number().int().positive();
const extent = z.array(size).min(1).max(3);
const fill = z.union([
  z.enum(["zeros", "poison", "iota", "unwritten"]),
  z.object({ random: z.number().int() }),
  z.object({ file: z.string(), tensor: z.string() }),
]);
const scalar = z.object({ type: z.enum(["i32", "i64", "f32"]), value: z.number() });
const buffer = z.object({
  name: z.string().min(1),
  dtype: z.enum(Object.keys(ELEMENT_BYTES) as [ElementType, ...ElementType[]]),
  shape: z.array(size),
  fill: fill.default("unwritten"),
  out: z.boolean().default(false),
});
const launchForm = z.strictObject({
  entry: z.string().min(1),
  grid: extent,
  block: extent,
  smem: z.number().int().nonnegative().default(0),
  params: z.array(z.union([scalar, buffer])),
});

type BufferParam = z.infer<typeof buffer>;
export type LaunchFile = z.infer<typeof launchForm>;

/** Throws one sentence with the key, what was expected and what came. */
export function readLaunch(path: string): LaunchFile {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (e) {
    throw new UsageError(`${path}: expected a JSON launch file, got ${(e as Error).message}`);
  }
  const parsed = launchForm.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UsageError(`${path}: key "${issue.path.join(".")}": ${issue.message}`);
}

/** Number i of a fill, as a value. */
function valueOf(f: BufferParam["fill"], i: number): number {
  if (f === "iota") return i;
  if (typeof f === "object" && "random" in f)
    return (fmix32((f.random + Math.imul(i, 0x9e3779b1)) >>> 0) >>> 8) / 2 ** 23 - 1;
  return 0;
}

function bytesOf(p: BufferParam, dir: string): Uint8Array | number {
  const bytes = numel(p.shape) * ELEMENT_BYTES[p.dtype];
  if (p.fill === "unwritten") return bytes;
  if (p.fill === "zeros") return new Uint8Array(bytes);
  if (p.fill === "poison") return new Uint8Array(bytes).fill(0xff);
  if (typeof p.fill === "object" && "file" in p.fill)
    return fromFile(p, resolve(dir, p.fill.file), p.fill.tensor);
  const n = numel(p.shape);
  const at = (i: number): number => valueOf(p.fill, i);
  switch (p.dtype) {
    case "F64":
      return new Uint8Array(Float64Array.from({ length: n }, (_, i) => at(i)).buffer);
    case "F32":
      return new Uint8Array(Float32Array.from({ length: n }, (_, i) => at(i)).buffer);
    case "BF16":
      return new Uint8Array(Uint16Array.from({ length: n }, (_, i) => bf16.encode(at(i))).buffer);
    case "I32":
    case "U32":
      return new Uint8Array(
        Int32Array.from({ length: n }, (_, i) => at(i) * (p.fill === "iota" ? 1 : 2 ** 31)).buffer,
      );
    case "I64":
      return new Uint8Array(
        BigInt64Array.from({ length: n }, (_, i) =>
          BigInt(Math.floor(at(i) * (p.fill === "iota" ? 1 : 2 ** 31))),
        ).buffer,
      );
    default:
      // formats without a number of their own here: the fill counts bytes
      return Uint8Array.from(
        { length: bytes },
        (_, i) => (p.fill === "iota" ? i : Math.floor(at(i) * 128)) & 255,
      );
  }
}

function fromFile(p: BufferParam, path: string, tensor: string): Uint8Array {
  const file = new SafetensorsFile(path);
  try {
    const e = file.entries.get(tensor);
    if (!e || e.dtype !== p.dtype || e.shape.join() !== p.shape.join())
      throw new UsageError(
        `${path}: expected a tensor "${tensor}" ${p.dtype} [${p.shape.join(", ")}], got ${e ? `${e.dtype} [${e.shape.join(", ")}]` : "none"}`,
      );
    return file.read(tensor);
  } finally {
    file.close();
  }
}

/** Parameters as the device takes them. Files are relative to the launch file. */
export const launchArgs = (l: LaunchFile, path: string): LaunchArg[] =>
  l.params.map((p) => {
    if ("value" in p)
      return p.type === "i32" ? { i32: p.value } : p.type === "i64" ? { i64: p.value } : { f32: p.value };
    return { buffer: bytesOf(p, dirname(path)) };
  });

/** The buffers marked `out`, as tensors of a safetensors file. */
export const outputsOf = (l: LaunchFile, buffers: readonly (Uint8Array | null)[]): Source[] =>
  l.params.flatMap((p, i) => {
    const bytes = buffers[i];
    return "out" in p && p.out && bytes
      ? [{ name: p.name, dtype: p.dtype, shape: p.shape, make: () => bytes }]
      : [];
  });
