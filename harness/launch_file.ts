/**
 * A launch as a file: entry, grid, block, cluster, shared memory, and parameters in order. A parameter is a scalar, a buffer (its
 * address), a tensor map over a named buffer, or a struct: bytes with any of these at offsets.
 *
 * { "entry": "saxpy", "grid": [4], "block": [128], "params": [
 *   { "type": "i32", "value": 500 }, { "type": "f32", "value": 2 },
 *   { "name": "x", "dtype": "F32", "shape": [500], "fill": "iota" },
 *   { "name": "y", "dtype": "F32", "shape": [500], "fill": { "random": 7 }, "out": true } ] }
 */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { ELEMENT_BYTES, type ElementType, type Source } from "../fixtures/safetensors.ts";
import { UsageError } from "./exit.ts";
import { bytesOfBuffer, half } from "./launch_fill.ts";
import type { LaunchParam, LaunchRequest } from "./native.ts";
import { INTERLEAVE, L2, MAP_TYPE, OOB_FILL, SWIZZLE, tensorMapOf } from "./launch_map.ts";

const size = z.number().int().positive();
const extent = z.array(size).min(1).max(3);
const named = <T extends string>(values: Readonly<Record<T, number>>) =>
  z.enum(Object.keys(values) as [T, ...T[]]);

const fill = z.union([
  z.enum(["zeros", "poison", "iota", "unwritten"]),
  z.strictObject({ random: z.number().int() }),
  z.strictObject({ file: z.string(), tensor: z.string().optional() }),
]);
/** Bytes and how a number becomes them. 64-bit values may be strings, which JSON's numbers cannot hold. */
const SCALARS = {
  i8: 1,
  u8: 1,
  i16: 2,
  u16: 2,
  f16: 2,
  bf16: 2,
  i32: 4,
  u32: 4,
  f32: 4,
  i64: 8,
  u64: 8,
  f64: 8,
} as const;
const scalar = z.strictObject({
  type: z.enum(Object.keys(SCALARS) as [keyof typeof SCALARS, ...(keyof typeof SCALARS)[]]),
  value: z.union([z.number(), z.string().regex(/^-?(0x[0-9a-fA-F]+|\d+)$/u)]),
});
const buffer = z.strictObject({
  name: z.string().min(1),
  dtype: z.enum(Object.keys(ELEMENT_BYTES) as [ElementType, ...ElementType[]]),
  shape: z.array(size),
  fill: fill.default("unwritten"),
  out: z.boolean().default(false),
});
const address = z.strictObject({ buffer: z.string().min(1), offset: z.number().int().default(0) });
const tensorMap = z.strictObject({
  tensor_map: z.strictObject({
    buffer: z.string().min(1),
    offset: z.number().int().default(0),
    type: named(MAP_TYPE),
    dims: z.array(size).min(1).max(5),
    /** Bytes, of every dimension but the innermost. */
    strides: z.array(size).max(4).default([]),
    box: z.array(size).min(1).max(5),
    element_strides: z.array(size).max(5).optional(),
    interleave: named(INTERLEAVE).default("NONE"),
    swizzle: named(SWIZZLE).default("NONE"),
    l2: named(L2).default("NONE"),
    fill: named(OOB_FILL).default("NONE"),
  }),
});
const leaf = z.union([scalar, buffer, address, tensorMap]);
const struct = z.strictObject({
  bytes: size,
  fields: z.array(z.strictObject({ at: z.number().int().nonnegative(), value: leaf })),
});
const attributes = z.strictObject({
  cooperative: z.boolean().default(false),
  programmatic_stream_serialization: z.boolean().default(false),
  non_portable_cluster: z.boolean().default(false),
});
const launchForm = z.strictObject({
  entry: z.string().min(1),
  grid: extent,
  block: extent,
  cluster: extent.optional(),
  smem: z.number().int().nonnegative().default(0),
  attributes: attributes.default(attributes.parse({})),
  /** Multiply-adds of tensor cores that the results need: padding is issued too, and nothing in PTX tells it apart. */
  useful_macs: size.optional(),
  /** Buffers that no parameter declares in place. */
  buffers: z.array(buffer).default([]),
  params: z.array(z.union([leaf, struct])),
});

export type BufferParam = z.infer<typeof buffer>;
export type TensorMapParam = z.infer<typeof tensorMap>["tensor_map"];
type Scalar = z.infer<typeof scalar>;
type Leaf = z.infer<typeof leaf>;
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
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UsageError(`${path}: key "${issue.path.join(".")}": ${issue.message}`);
  }
  const names = buffersOf(parsed.data).map((b) => b.name);
  const twice = names.find((n, i) => names.indexOf(n) !== i);
  if (twice !== undefined) throw new UsageError(`${path}: expected each buffer once, got "${twice}" twice`);
  return parsed.data;
}

const isBuffer = (p: Leaf): p is BufferParam => "dtype" in p;

/** Every buffer of the file: declared apart, in place, or in a struct. */
export function buffersOf(l: LaunchFile): BufferParam[] {
  const leaves = l.params.flatMap((p) => ("fields" in p ? p.fields.map((f) => f.value) : [p]));
  return [...l.buffers, ...leaves.filter(isBuffer)];
}

function scalarBytes(p: Scalar): Uint8Array {
  const bytes = new Uint8Array(SCALARS[p.type]);
  const view = new DataView(bytes.buffer);
  const n = Number(p.value);
  const integer = (): bigint => {
    const v = typeof p.value === "string" ? bigint(p.value) : BigInt(Math.trunc(n));
    const [lo, hi] = p.type.startsWith("i")
      ? [-(1n << BigInt(8 * bytes.length - 1)), (1n << BigInt(8 * bytes.length)) - 1n]
      : [0n, (1n << BigInt(8 * bytes.length)) - 1n];
    if ((typeof p.value === "number" && !Number.isInteger(n)) || v < lo || v > hi)
      throw new UsageError(`scalar of type ${p.type}: expected an integer in ${lo}..${hi}, got ${p.value}`);
    return v;
  };
  switch (p.type) {
    case "f64":
      view.setFloat64(0, n, true);
      break;
    case "f32":
      view.setFloat32(0, n, true);
      break;
    case "f16":
    case "bf16":
      view.setUint16(0, half(p.type === "f16" ? "F16" : "BF16", n), true);
      break;
    default: {
      const v = integer();
      for (let k = 0; k < bytes.length; k++) bytes[k] = Number((v >> BigInt(8 * k)) & 255n);
    }
  }
  return bytes;
}

const bigint = (text: string): bigint => (text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text));

/** The request as the device takes it. Files are relative to the launch file. Throws UsageError for a buffer that is not named. */
export function launchRequest(l: LaunchFile, path: string, modulePath: string): LaunchRequest {
  const all = buffersOf(l);
  const index = (name: string): number => {
    const k = all.findIndex((b) => b.name === name);
    if (k < 0)
      throw new UsageError(
        `${path}: expected one of the buffers ${all.map((b) => b.name).join(", ") || "(none)"}, got "${name}"`,
      );
    return k;
  };
  const place = (p: Leaf): LaunchParam => {
    if ("value" in p) return { bytes: scalarBytes(p) };
    if ("tensor_map" in p)
      return {
        bytes: new Uint8Array(128),
        maps: [{ at: 0, ...tensorMapOf(p.tensor_map, index(p.tensor_map.buffer), path) }],
      };
    const [name, offset] = isBuffer(p) ? [p.name, 0] : [p.buffer, p.offset];
    return { bytes: new Uint8Array(8), addresses: [{ at: 0, buffer: index(name), offset }] };
  };
  const params = l.params.map((p): LaunchParam => {
    if (!("fields" in p)) return place(p);
    const bytes = new Uint8Array(p.bytes);
    const parts = p.fields.map((f) => ({ at: f.at, ...place(f.value) }));
    for (const part of parts) {
      if (part.at + part.bytes.length > p.bytes)
        throw new UsageError(
          `${path}: expected a field of ${part.bytes.length} bytes inside a struct of ${p.bytes}, got offset ${part.at}`,
        );
      bytes.set(part.bytes, part.at);
    }
    return {
      bytes,
      addresses: parts.flatMap((q) => (q.addresses ?? []).map((a) => ({ ...a, at: a.at + q.at }))),
      maps: parts.flatMap((q) => (q.maps ?? []).map((m) => ({ ...m, at: m.at + q.at }))),
    };
  });
  return {
    modulePath,
    entry: l.entry,
    grid: l.grid,
    block: l.block,
    ...(l.cluster && { cluster: l.cluster }),
    smem: l.smem,
    cooperative: l.attributes.cooperative,
    programmaticSerialization: l.attributes.programmatic_stream_serialization,
    nonPortableCluster: l.attributes.non_portable_cluster,
    buffers: all.map((b) => bytesOfBuffer(b, dirname(path))),
    params,
  };
}

/** The buffers marked `out`, as tensors of a safetensors file. */
export const outputsOf = (l: LaunchFile, buffers: readonly Uint8Array[]): Source[] =>
  buffersOf(l).flatMap((b, i) =>
    b.out ? [{ name: b.name, dtype: b.dtype, shape: b.shape, make: () => buffers[i] }] : [],
  );
