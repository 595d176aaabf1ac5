/** The frame of the tensor programs: nothing leaks, helpers keep NaN, and a layer of a small model is quick. */
import { describe, expect, test } from "vitest";
import { op as attention } from "../../kernels/attention/sparse_attention.op.ts";
import { op as linearFp8 } from "../../kernels/linear/linear_fp8.op.ts";
import { op as hcMix } from "../../kernels/mhc/hc_mix.op.ts";
import { op as hcPost } from "../../kernels/mhc/hc_post.op.ts";
import { op as hcSplit } from "../../kernels/mhc/hc_split.op.ts";
import { op as mxfp4 } from "../../kernels/moe/expert_linear_mxfp4.op.ts";
import { op as rmsnorm } from "../../kernels/norm/rmsnorm.op.ts";
import { op as qNormRope } from "../../kernels/rope/q_norm_rope.op.ts";
import { op as indexScores } from "../../kernels/index/index_scores.op.ts";
import { tf as attentionTf } from "../attention/sparse_attention.tf.ts";
import { tf as indexScoresTf } from "../index/index_scores.tf.ts";
import { tf as linearFp8Tf } from "../linear/linear_fp8.tf.ts";
import { tf as hcMixTf } from "../mhc/hc_mix.tf.ts";
import { tf as hcPostTf } from "../mhc/hc_post.tf.ts";
import { tf as hcSplitTf } from "../mhc/hc_split.tf.ts";
import { tf as mxfp4Tf } from "../moe/expert_linear_mxfp4.tf.ts";
import { tf as rmsnormTf } from "../norm/rmsnorm.tf.ts";
import { tf as qNormRopeTf } from "../rope/q_norm_rope.tf.ts";
import { backend, describeBackend, tfjs } from "./backend.ts";
import { KEEP_LIMIT, matrix } from "./io.ts";
import { clamp, linear, product, program, put, sigmoid, sumLast } from "./program.ts";
import { bf16, bytes, call, error, f32, i32, seeded, values } from "./testing.ts";

describe("program", () => {
  test("disposes every tensor over thousands of calls, and when it throws", () => {
    const t = { x: bf16([2, 8], seeded(1)(16)), w: bf16([8], seeded(2)(8)) };
    const before = tfjs.memory().numTensors;
    for (let i = 0; i < 2000; i++) call(rmsnorm, rmsnormTf, t, { eps: 1e-6 });
    expect(tfjs.memory().numTensors).toBe(before);
    expect(() =>
      program(() => {
        put(new Float32Array(4), [4]);
        throw new Error("no");
      }),
    ).toThrow("no");
    expect(tfjs.memory().numTensors).toBe(before);
  });

  test("outputs own their data", () => {
    const x = new Float32Array([1, 2]);
    const { y } = program(() => ({ y: put(x, [2]) }));
    (y.data as Float32Array)[0] = 9;
    expect(x[0]).toBe(1);
  });

  test("the environment names version and backend", () => {
    expect(describeBackend()).toBe(`tfjs 4.22.0 ${backend}`);
  });
});

describe("helpers", () => {
  test("sumLast survives cancellation in rows, NaN, and empty rows", () => {
    // 1e8 and -1e8 in one run of 34 cost that run's ones, and no others: the plain WASM sum of this row is 0
    const x = new Float32Array(34 * 34).fill(1);
    x[0] = 1e8;
    x[33] = -1e8;
    const { y } = program(() => ({ y: sumLast(put(x, [1, x.length])) }));
    expect(Math.abs(Number(y.data[0]) - (x.length - 2))).toBeLessThanOrEqual(32);
    expect(values(program(() => ({ y: sumLast(put(new Float32Array([1, NaN]), [2, 1])) })).y)).toEqual([
      1,
      NaN,
    ]);
    expect(values(program(() => ({ y: sumLast(put(new Float32Array(0), [2, 0])) })).y)).toEqual([0, 0]);
  });
  test("clamp and sigmoid keep NaN and the ends", () => {
    const x = [NaN, 20, -20, 1, Infinity, -Infinity];
    const { c, g } = program(() => ({
      c: clamp(put(Float32Array.from(x), [6]), -10, 10),
      g: sigmoid(put(Float32Array.from(x), [6])),
    }));
    expect(values(c)).toEqual([NaN, 10, -10, 1, 10, -10]);
    expect(values(g).map((v) => Math.round(v * 1e3) / 1e3)).toEqual([NaN, 1, 0, 0.731, 1, 0]);
    expect(Number(g.data[2]) / (1 / (1 + Math.exp(20)))).toBeCloseTo(1, 6);
  });
  test("a weight above the limit goes slab by slab with the same answer", () => {
    const K = 4096;
    const N = KEEP_LIMIT / K + 3;
    const w = {
      dtype: "e4m3" as const,
      shape: [N, K],
      data: Uint8Array.from({ length: N * K }, (_, i) => i % 113),
    };
    const { slabs, whole } = program(() => {
      const a = put(Float32Array.from(seeded(4)(K)), [1, K]);
      const last = tfjs.slice(linear(a, matrix(w)), [0, N - 5], [1, 5]);
      const tail = { ...matrix(w), row0: N - 5, rows: 5 };
      return { slabs: last, whole: linear(a, tail) };
    });
    expect(error(slabs, values(whole))).toBeLessThan(1e-6);
  });
  test("product of nothing is nothing or zeros", () => {
    const { none, zeros } = program(() => ({
      none: product(tfjs.zeros([0, 3]), tfjs.zeros([2, 3])),
      zeros: product(tfjs.zeros([2, 0]), tfjs.zeros([1, 0])),
    }));
    expect(none.shape).toEqual([0, 2]);
    expect(values(zeros)).toEqual([0, 0]);
  });
});

test("the heavy ops of one layer (d 512, 300 tokens, 8 heads of 512, 16 experts) take less than 5 s of processor time", () => {
  const random = seeded(8);
  const noise = (n: number): Float32Array => Float32Array.from(random(n));
  const codes = (n: number, levels: number): number[] =>
    random(n).map((x) => Math.floor(((x + 1) * levels) / 2));
  const [n, d, h] = [300, 512, 8];
  const fp8 = (N: number, K: number) => ({
    a: f32([n, K], noise(n * K)),
    a_s: f32([n, Math.ceil(K / 128)], new Float32Array(n * Math.ceil(K / 128)).fill(1)),
    w: bytes("e4m3", [N, K], codes(N * K, 0x70)),
    w_s: bytes(
      "ue8m0",
      [Math.ceil(N / 128), Math.ceil(K / 128)],
      new Uint8Array(N * K).fill(110).slice(0, Math.ceil(N / 128) * Math.ceil(K / 128)),
    ),
  });
  const pos = i32(
    [n],
    Array.from({ length: n }, (_, i) => i),
  );
  const idx = Array.from({ length: n * 203 }, (_, i) => {
    const [q, j] = [Math.floor(i / 203), i % 203];
    return j < 128 ? Math.max(-1, q - 127 + j) : j - 128 < (q + 1) / 4 ? 300 + j - 128 : -1;
  });
  const streams = f32([n, 4, d], noise(n * 4 * d));
  const work: [string, () => unknown][] = [
    [
      "hc_mix",
      () => call(hcMix, hcMixTf, { x: streams, fn: f32([24, 4 * d], noise(96 * d)) }, { eps: 1e-6 }),
    ],
    [
      "hc_split",
      () =>
        call(
          hcSplit,
          hcSplitTf,
          { mix: f32([n, 24], noise(24 * n)), scale: f32([3], [1, 1, 1]), base: f32([24], noise(24)) },
          { eps: 1e-6, iters: 20, hc: 4 },
        ),
    ],
    [
      "hc_post",
      () =>
        call(hcPost, hcPostTf, {
          z: f32([n, d], noise(n * d)),
          x: streams,
          post: f32([n, 4], noise(4 * n)),
          comb: f32([n, 4, 4], noise(16 * n)),
        }),
    ],
    ["q_b", () => call(linearFp8, linearFp8Tf, fp8(h * 512, 256))],
    [
      "q_norm_rope",
      () =>
        call(
          qNormRope,
          qNormRopeTf,
          { q: f32([n, h, 512], noise(n * h * 512)), pos, freq: f32([32], noise(32)) },
          { eps: 1e-6 },
        ),
    ],
    ["indexer q", () => call(linearFp8, linearFp8Tf, fp8(64 * 128, 256))],
    [
      "index_scores",
      () =>
        call(
          indexScores,
          indexScoresTf,
          {
            q: f32([n, 64, 128], noise(n * 8192)),
            q_s: f32([n, 64, 4], new Float32Array(n * 256).fill(1)),
            k: f32([75, 128], noise(75 * 128)),
            k_s: f32([75, 4], new Float32Array(300).fill(1)),
            w: f32([n, 64], noise(n * 64)),
          },
          { scale: 0.01 },
        ),
    ],
    [
      "attention",
      () =>
        call(
          attention,
          attentionTf,
          {
            q: f32([n, h, 512], noise(n * h * 512)),
            kv: f32([375, 512], noise(375 * 512)),
            idx: i32([n, 203], idx),
            sink: f32([h], noise(h)),
          },
          { scale: 0.044 },
        ),
    ],
    [
      "experts",
      () =>
        call(mxfp4, mxfp4Tf, {
          a: f32([n, d], noise(n * d)),
          a_s: f32([n, 4], new Float32Array(4 * n).fill(1)),
          src_row: i32(
            [6 * n],
            Array.from({ length: 6 * n }, (_, i) => i % n),
          ),
          offset: i32(
            [17],
            Array.from({ length: 17 }, (_, e) => Math.floor((e * 6 * n) / 16)),
          ),
          expert_slot: i32(
            [16],
            Array.from({ length: 16 }, (_, e) => e),
          ),
          w: bytes("e2m1", [16, 256, d], codes(16 * 128 * d, 256)),
          w_s: bytes("ue8m0", [16, 256, 16], new Uint8Array(16 * 256 * 16).fill(120)),
        }),
    ],
  ];
  const spent = work.map(([name, f]) => {
    const start = process.cpuUsage();
    f();
    return `${name} ${Math.round(process.cpuUsage(start).user / 1e3)}`;
  });
  const total = spent.reduce((a, x) => a + Number(x.split(" ").at(-1)), 0);
  expect(total, `milliseconds of processor time, data included: ${spent.join(", ")}`).toBeLessThan(5000);
});
