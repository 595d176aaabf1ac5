/** What a buffer of a launch file holds before the launch. */
import { resolve } from "node:path";
import { readNpy } from "../fixtures/npy.ts";
import { ELEMENT_BYTES, SafetensorsFile } from "../fixtures/safetensors.ts";
import { fmix32 } from "../fixtures/synthetic.ts";
import { bf16 } from "../oracle/num/index.ts";
import { numel } from "../oracle/tensor.ts";
import { UsageError } from "./exit.ts";
import type { BufferParam } from "./launch_file.ts";

/** Element i of a fill, as a value: iota counts, random lies in [-1, 1). */
function valueOf(f: BufferParam["fill"], i: number): number {
  if (f === "iota") return i;
  if (typeof f === "object" && "random" in f)
    return (fmix32((f.random + Math.imul(i, 0x9e3779b1)) >>> 0) >>> 8) / 2 ** 23 - 1;
  return 0;
}

/** binary16 of a number, ties to even; the mantissa is scaled so that one rounding decides. */
function f16(x: number): number {
  const sign = Object.is(Math.sign(x), -0) || x < 0 ? 0x8000 : 0;
  const a = Math.abs(x);
  if (Number.isNaN(a)) return 0x7fff;
  if (a >= 65520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(a || 2 ** -24)));
  const steps = a / 2 ** (exponent - 10);
  const floor = Math.floor(steps);
  const up = steps - floor > 0.5 || (steps - floor === 0.5 && floor % 2 === 1) ? 1 : 0;
  return sign | ((exponent + 14) * 1024 + floor + up);
}

/** Code of a number in a 16-bit format. */
export const half = (dtype: "F16" | "BF16", x: number): number => (dtype === "F16" ? f16(x) : bf16.encode(x));

/** Longest array that JavaScript makes and the addon takes. */
const MOST_BYTES = 2 ** 32 - 1;

const bytesOfArray = (a: ArrayBufferView): Uint8Array => new Uint8Array(a.buffer, a.byteOffset, a.byteLength);

/** Bytes of the buffer, or how many uninitialised ones. `dir` is where its files are relative to. */
export function bytesOfBuffer(p: BufferParam, dir: string): Uint8Array | number {
  const n = numel(p.shape);
  const bytes = n * ELEMENT_BYTES[p.dtype];
  if (bytes > MOST_BYTES)
    throw new UsageError(
      `buffer "${p.name}": expected at most ${MOST_BYTES} bytes, got ${bytes} (${p.dtype} [${p.shape.join(", ")}])`,
    );
  if (p.fill === "unwritten") return bytes;
  if (p.fill === "zeros") return new Uint8Array(bytes);
  if (p.fill === "poison") return new Uint8Array(bytes).fill(0xff);
  if (typeof p.fill === "object" && "file" in p.fill)
    return fromFile(p, resolve(dir, p.fill.file), p.fill.tensor);
  const at = (i: number): number => valueOf(p.fill, i);
  const whole = (i: number): number => Math.floor(p.fill === "iota" ? at(i) : at(i) * 2 ** 31);
  switch (p.dtype) {
    case "F64":
      return bytesOfArray(Float64Array.from({ length: n }, (_, i) => at(i)));
    case "F32":
      return bytesOfArray(Float32Array.from({ length: n }, (_, i) => at(i)));
    case "F16":
    case "BF16": {
      const { dtype } = p;
      return bytesOfArray(Uint16Array.from({ length: n }, (_, i) => half(dtype, at(i))));
    }
    case "I32":
    case "U32":
      return bytesOfArray(Int32Array.from({ length: n }, (_, i) => whole(i)));
    case "I64":
      return bytesOfArray(BigInt64Array.from({ length: n }, (_, i) => BigInt(whole(i))));
    default:
      // 8-bit and other codes: the fill counts bytes
      return Uint8Array.from(
        { length: bytes },
        (_, i) => (p.fill === "iota" ? i : Math.floor(at(i) * 128)) & 255,
      );
  }
}

function fromFile(p: BufferParam, path: string, tensor: string | undefined): Uint8Array {
  const wanted = `${p.dtype} [${p.shape.join(", ")}]`;
  const mismatch = (got: string): UsageError =>
    new UsageError(
      `${path}: expected ${tensor === undefined ? "" : `tensor "${tensor}" `}${wanted}, got ${got}`,
    );
  if (path.endsWith(".npy")) {
    const a = readNpy(path);
    if (a.dtype !== p.dtype || a.shape.join() !== p.shape.join())
      throw mismatch(`${a.dtype} [${a.shape.join(", ")}]`);
    return a.bytes;
  }
  const name = tensor ?? p.name;
  const file = new SafetensorsFile(path);
  try {
    const e = file.entries.get(name);
    if (!e || e.dtype !== p.dtype || e.shape.join() !== p.shape.join())
      throw mismatch(e ? `${e.dtype} [${e.shape.join(", ")}]` : "no tensor of this name");
    return file.read(name);
  } finally {
    file.close();
  }
}
