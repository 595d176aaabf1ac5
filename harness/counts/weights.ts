/**
 * Parameters of a true-size layer, made in memory for launches that are counted. A layer's 384 experts are 13 GB and only their number and
 * place matter to a count, so one expert's values stand for all; where many experts are used, a launch gets some rows of each at full K.
 */
import { syntheticWeights } from "../../fixtures/reader.ts";
import { storageBytes } from "../../kernels/schema.ts";
import type { ModelConfig } from "../../oracle/config.ts";
import { numel, tensor, type Tensor } from "../../oracle/tensor.ts";
import type { ExpertStack, Weights } from "../../oracle/weights.ts";
import { B200 } from "../roofline.ts";

/** Bytes of codes that a launch of experts brings: a second or two each. */
const MOST_BYTES = 160 << 20;
/** Rows of a weight tile (kernels/common/plan.h W_ROWS): a slice is whole tiles. */
const TILE_ROWS = 128;

/**
 * Into how many equal slices N is cut so that one has at most `most` bytes. A slice keeps a tile for every multiprocessor: then grid,
 * cluster and stages are those of the whole (plan::Linear), and only the tiles of a CTA are fewer.
 */
export function slicesOf(n_slot: number, N: number, K: number, most = MOST_BYTES): number {
  const tiles = N / TILE_ROWS;
  let parts = 1;
  for (let p = 1; p <= tiles && storageBytes("e2m1", n_slot * (N / parts) * K) > most; p++)
    if (tiles % p === 0 && (n_slot * tiles) / p >= B200.sms) parts = p;
  return parts;
}

/** The first 1 / `parts` rows of the one matrix in `t` [1, N, ...], for each of `n_slot` experts. */
function repeat(t: Tensor, n_slot: number, parts: number): Tensor {
  const [, ...one] = t.shape;
  const shape = one.length === 0 ? [n_slot] : [n_slot, one[0] / parts, ...one.slice(1)];
  const rows = t.data.subarray(0, t.data.length / (one.length === 0 ? 1 : parts));
  const data = new (t.data.constructor as new (n: number) => Uint8Array)(rows.length * n_slot);
  for (let slot = 0; slot < n_slot; slot++) data.set(rows as Uint8Array, slot * rows.length);
  return tensor(t.dtype, shape, data);
}

export class CountWeights implements Weights {
  private readonly made: Weights;
  private readonly most: number;
  private readonly parts = new WeakMap<Tensor, number>();
  private last: { readonly key: string; readonly stack: ExpertStack } | null = null;

  constructor(config: ModelConfig, seed: number, most = MOST_BYTES) {
    this.made = syntheticWeights(config, seed);
    this.most = most;
  }

  get(name: string): Tensor {
    return this.made.get(name);
  }

  experts(prefix: string, proj: "w1" | "w2" | "w3", ids: readonly number[]): ExpertStack {
    const key = `${prefix}.${proj}:${ids.length}`;
    if (this.last?.key === key) return this.last.stack;
    const one = this.made.experts(prefix, proj, [0]);
    const [, N, K] = one.w.shape;
    const parts = slicesOf(ids.length, N, K, this.most);
    const stack = Object.fromEntries(
      Object.entries(one).map(([name, t]: [string, Tensor]) => [name, repeat(t, ids.length, parts)]),
    ) as unknown as ExpertStack;
    this.parts.set(stack.w, parts);
    this.last = { key, stack };
    return stack;
  }

  /** Of how many equal launches a call with these inputs is one. */
  partsOf(inputs: readonly (Tensor | undefined)[]): number {
    return Math.max(1, ...inputs.map((t) => (t && this.parts.get(t)) ?? 1));
  }
}

/** `t` with its last dimension `parts` times over: what stands for the outputs of the other slices. */
export function widen(t: Tensor, parts: number): Tensor {
  if (parts === 1) return t;
  const width = t.shape.at(-1)! * parts;
  const rows = numel(t.shape.slice(0, -1));
  const from = t.data as Uint16Array;
  const per = from.length / rows;
  const data = new (from.constructor as new (n: number) => Uint16Array)(from.length * parts);
  for (let r = 0; r < rows; r++)
    for (let p = 0; p < parts; p++) data.set(from.subarray(r * per, (r + 1) * per), (r * parts + p) * per);
  return tensor(t.dtype, [...t.shape.slice(0, -1), width], data);
}
