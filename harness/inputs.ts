/** Makes a case's inputs: every number follows from the run's seed, the op's name and the case's name, and lies on its format's grid. */
import { createHash } from "node:crypto";
import type { DType } from "../kernels/schema.ts";
import { encode, packNibbles } from "../oracle/num/index.ts";
import { numel, tensor, type Tensor } from "../oracle/tensor.ts";
import type { Inputs } from "./suite.ts";

/** sfc32 (Doty-Humphrey's small fast chaotic generator), 128 bits of state taken from a hash of `key`. */
export function generator(key: string): () => number {
  const h = createHash("sha256").update(key).digest();
  let [a, b, c, d] = [h.readUInt32LE(0), h.readUInt32LE(4), h.readUInt32LE(8), 1];
  const next = (): number => {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    return (t >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

export class SeededInputs implements Inputs {
  readonly random: () => number;

  constructor(seed: number, op: string, name: string) {
    this.random = generator(`${seed}/${op}/${name}`);
  }

  /** Box-Muller; one of the pair is thrown away, so that a draw uses the same count of numbers whatever came before. */
  private gauss(): number {
    const r = Math.sqrt(-2 * Math.log(1 - this.random()));
    return r * Math.cos(2 * Math.PI * this.random());
  }

  from(dtype: DType, shape: readonly number[], f: (i: number) => number): Tensor {
    return encode(
      dtype,
      Float64Array.from({ length: numel(shape) }, (_, i) => f(i)),
      shape,
    );
  }

  normal(dtype: DType, shape: readonly number[], o: { mean?: number; std?: number } = {}): Tensor {
    const { mean = 0, std = 1 } = o;
    return this.from(dtype, shape, () => mean + std * this.gauss());
  }

  uniform(dtype: DType, shape: readonly number[], lo: number, hi: number): Tensor {
    return this.from(dtype, shape, () => lo + (hi - lo) * this.random());
  }

  heavy(dtype: DType, shape: readonly number[], o: { std?: number } = {}): Tensor {
    const { std = 1 } = o;
    const cols = shape[shape.length - 1] ?? 1;
    const rows = cols === 0 ? 0 : numel(shape) / cols;
    const channel = Math.floor(this.random() * cols);
    const row = Math.floor(this.random() * rows);
    return this.from(dtype, shape, (i) => {
      const big = (i % cols === channel ? 100 : 1) * (Math.floor(i / cols) === row ? 1e4 : 1);
      return std * big * this.gauss();
    });
  }

  ints(shape: readonly number[], lo: number, hi: number): Tensor {
    return this.from("i32", shape, () => lo + Math.floor(this.random() * (hi - lo)));
  }

  codes(
    dtype: "e4m3" | "ue8m0" | "e2m1" | "u8",
    shape: readonly number[],
    lo = 0,
    hi = dtype === "e2m1" ? 15 : 255,
  ): Tensor {
    const n = numel(shape);
    const draw = (): number => lo + Math.floor(this.random() * (hi - lo + 1));
    const codes = Uint8Array.from({ length: n }, draw);
    return tensor(dtype, shape, dtype === "e2m1" ? packNibbles(codes) : codes);
  }

  permutation(n: number): Int32Array {
    const p = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor(this.random() * (i + 1));
      [p[i], p[j]] = [p[j], p[i]];
    }
    return p;
  }
}
