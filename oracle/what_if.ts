/** Formats that no release of the model uses, as other oracles of the op that would use them: to know their price before a kernel exists. */
import type { OpDecl } from "../kernels/schema.ts";
import { op as linearF32 } from "../kernels/linear/linear_f32.op.ts";
import { op as kvFp8Sim } from "../kernels/quant/kv_fp8_sim.op.ts";
import { exact as exactLinear } from "./linear/linear_f32.ts";
import {
  amax,
  bf16,
  dequantise,
  encode,
  nvfp4Global,
  quantNvfp4Rows,
  quantNvfp4Weight,
  values,
} from "./num/index.ts";
import type { Exact } from "./op.ts";
import type { Tensor } from "./tensor.ts";

/** Another oracle for a call, or undefined where the op's own stays. */
export type WhatIf = (op: OpDecl, site: string) => Exact<OpDecl> | undefined;

/** Rows in NVFP4 and back: blocks of 16, e4m3 block scales under one f32 `global`. */
function nvfp4Rows(x: Float64Array, rows: number, cols: number, global: number): Float64Array {
  const { codes, scale } = quantNvfp4Rows(x, rows, cols, global);
  return dequantise(values(codes), values(scale), rows, cols, 1, 16).map((v) => v * global);
}

/**
 * Cache rows whose channels below n_nope are NVFP4, the rotated ones bf16. The global scale is 1: rows are normed, so block scales lie
 * well within e4m3.
 */
const cacheNvfp4: Exact<typeof kvFp8Sim> = (t, { n_row, head_dim, n_nope }, r) => {
  const x = values(t.x); // [n_row, head_dim]
  const y = x.map(bf16.round);
  const nope = new Float64Array(n_row * n_nope);
  for (let i = 0; i < n_row; i++) nope.set(x.subarray(i * head_dim, i * head_dim + n_nope), i * n_nope);
  const back = nvfp4Rows(nope, n_row, n_nope, 1);
  for (let i = 0; i < n_row; i++) y.set(back.subarray(i * n_nope, (i + 1) * n_nope), i * head_dim);
  return { y: r.store("bf16", y, [n_row, head_dim]) };
};

const f64 = (shape: readonly number[], data: Float64Array): Tensor => ({ dtype: "f64", shape, data });

/** A router as a bf16 GEMM: its input and its logits are bf16. */
const routerBf16: Exact<typeof linearF32> = (t, s, r) => {
  const a = encode("bf16", values(t.a), t.a.shape);
  const { y } = exactLinear({ a, w: t.w }, s, r);
  return { y: r.store("f32", values(y).map(bf16.round), y.shape) };
};

/** A router as an NVFP4 GEMM: its input under a global scale of its own amax, its weight as checkpoints store NVFP4. */
const routerNvfp4: Exact<typeof linearF32> = (t, s, r) => {
  const a = values(t.a);
  const w = quantNvfp4Weight(values(t.w), s.N, s.K);
  const wide = dequantise(values(w.codes), values(w.scale), s.N, s.K, 1, 16).map((v) => v * w.global);
  const rows = nvfp4Rows(a, s.M, s.K, nvfp4Global(amax(a, 0, a.length)));
  return exactLinear({ a: f64(t.a.shape, rows), w: f64(t.w.shape, wide) }, s, r);
};

const at =
  <D extends OpDecl>(op: D, site: RegExp, exact: Exact<D>): WhatIf =>
  (o, s) =>
    o.name === op.name && site.test(s) ? (exact as unknown as Exact<OpDecl>) : undefined;

export const WHAT_IFS = {
  kv_nvfp4: at(kvFp8Sim, /./, cacheNvfp4),
  router_bf16: at(linearF32, /ffn\.gate\.logits$/, routerBf16),
  router_nvfp4: at(linearF32, /ffn\.gate\.logits$/, routerNvfp4),
} as const satisfies Record<string, WhatIf>;
export type WhatIfName = keyof typeof WHAT_IFS;
