import { expect, test } from "vitest";
import { op as linearF32 } from "../kernels/linear/linear_f32.op.ts";
import { op as kvFp8Sim } from "../kernels/quant/kv_fp8_sim.op.ts";
import { exact as exactLinear } from "./linear/linear_f32.ts";
import { bf16, encode, ideal, values } from "./num/index.ts";
import type { Exact } from "./op.ts";
import { exact as kvFp8 } from "./quant/kv_fp8_sim.ts";
import { run } from "./run.ts";
import { WHAT_IFS, type WhatIfName } from "./what_if.ts";

/** Bell-shaped numbers from a formula. */
const numbers = (n: number, seed: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => {
    const u = (k: number): number =>
      Math.abs(Math.sin((i + 1) * 12.9898 + seed * 78.233 + k) * 43758.5453) % 1;
    return u(0) + u(1) + u(2) + u(3) - 2;
  });
const rel = (x: Float64Array, y: Float64Array): number =>
  Math.sqrt(x.reduce((a, v, i) => a + (v - y[i]) ** 2, 0) / y.reduce((a, v) => a + v * v, 0));

const oracle = <D extends typeof kvFp8Sim | typeof linearF32>(
  name: WhatIfName,
  op: D,
  site: string,
): Exact<D> => WHAT_IFS[name](op, site) as unknown as Exact<D>;

test("an NVFP4 cache: two bits of nope channels, rotated channels in bf16, codes that fit stay as they are", () => {
  const cache = oracle("kv_nvfp4", kvFp8Sim, "layers.3.attn.kv");
  const [n_row, head_dim] = [6, 512];
  const attrs = { n_nope: 448, block: 64 };
  const x = { dtype: "f64", shape: [n_row, head_dim], data: numbers(n_row * head_dim, 1) } as const;
  const y = values(run(kvFp8Sim, cache, ideal, { x }, attrs).y);
  const fp8 = values(run(kvFp8Sim, kvFp8, ideal, { x }, attrs).y);
  expect(fp8).toEqual(x.data); // ideal: the op's own oracle rounds nothing, the other format rounds under any policy
  const nope = (v: Float64Array): Float64Array => v.filter((_, i) => i % head_dim < 448);
  const rope = (v: Float64Array): Float64Array => v.filter((_, i) => i % head_dim >= 448);
  expect(rel(nope(y), nope(x.data))).toBeGreaterThan(0.05);
  expect(rel(nope(y), nope(x.data))).toBeLessThan(0.13);
  expect(rope(y)).toEqual(rope(x.data).map(bf16.round));
  // amax 6 in every block of 16: block scale 1, so e2m1's own numbers are exact
  const grid = [0.5, -1, 1.5, 2, -3, 4, 6, 0];
  const on = Float64Array.from({ length: n_row * head_dim }, (_, i) => grid[i % 8]);
  expect(values(run(kvFp8Sim, cache, ideal, { x: { ...x, data: on } }, attrs).y)).toEqual(on);
});

test("routers in low precision: bf16 costs 2^-9, NVFP4 a tenth, and nothing but the router is another op", () => {
  const [M, N, K] = [8, 16, 384];
  const a = { dtype: "f64", shape: [M, K], data: numbers(M * K, 2) } as const;
  const t = { a, w: encode("bf16", numbers(N * K, 3), [N, K]) };
  const site = "layers.9.ffn.gate.logits";
  const want = values(run(linearF32, exactLinear, ideal, t).y);
  const error = (name: WhatIfName): number =>
    rel(values(run(linearF32, oracle(name, linearF32, site), ideal, t).y), want);
  expect(error("router_bf16")).toBeGreaterThan(2 ** -11);
  expect(error("router_bf16")).toBeLessThan(2 ** -8);
  expect(error("router_nvfp4")).toBeGreaterThan(0.05);
  expect(error("router_nvfp4")).toBeLessThan(0.2);
  expect(WHAT_IFS.router_bf16(linearF32, "logits")).toBeUndefined();
  expect(WHAT_IFS.router_bf16(kvFp8Sim, site)).toBeUndefined();
  expect(WHAT_IFS.kv_nvfp4(linearF32, site)).toBeUndefined();
});
