/** Norm, hyper-connection, rotation and linear ops against restatements in plain float64 loops. */
import { describe, expect, test } from "vitest";
import { op as grouped } from "../../kernels/linear/grouped_linear_fp8w.op.ts";
import { op as linearBf16 } from "../../kernels/linear/linear_bf16.op.ts";
import { op as linearF32 } from "../../kernels/linear/linear_f32.op.ts";
import { op as linearFp8 } from "../../kernels/linear/linear_fp8.op.ts";
import { op as hcCollapse } from "../../kernels/mhc/hc_collapse.op.ts";
import { op as hcHeadSplit } from "../../kernels/mhc/hc_head_split.op.ts";
import { op as hcMix } from "../../kernels/mhc/hc_mix.op.ts";
import { op as hcPost } from "../../kernels/mhc/hc_post.op.ts";
import { op as hcSplit } from "../../kernels/mhc/hc_split.op.ts";
import { op as mtpFuse } from "../../kernels/mtp/mtp_fuse.op.ts";
import { op as rmsnorm } from "../../kernels/norm/rmsnorm.op.ts";
import { op as qNormRope } from "../../kernels/rope/q_norm_rope.op.ts";
import { op as rope } from "../../kernels/rope/rope.op.ts";
import { op as skeleton } from "../../kernels/skeleton/skeleton.op.ts";
import { tf as groupedTf } from "../linear/grouped_linear_fp8w.tf.ts";
import { tf as linearBf16Tf } from "../linear/linear_bf16.tf.ts";
import { tf as linearF32Tf } from "../linear/linear_f32.tf.ts";
import { tf as linearFp8Tf } from "../linear/linear_fp8.tf.ts";
import { tf as hcCollapseTf } from "../mhc/hc_collapse.tf.ts";
import { tf as hcHeadSplitTf } from "../mhc/hc_head_split.tf.ts";
import { tf as hcMixTf } from "../mhc/hc_mix.tf.ts";
import { tf as hcPostTf } from "../mhc/hc_post.tf.ts";
import { tf as hcSplitTf } from "../mhc/hc_split.tf.ts";
import { tf as mtpFuseTf } from "../mtp/mtp_fuse.tf.ts";
import { tf as rmsnormTf } from "../norm/rmsnorm.tf.ts";
import { tf as qNormRopeTf } from "../rope/q_norm_rope.tf.ts";
import { tf as ropeTf } from "../rope/rope.tf.ts";
import { tf as skeletonTf } from "../skeleton/skeleton.tf.ts";
import { bf16, bytes, call, error, fill, f32, i32, nonFinite, seeded, values } from "./testing.ts";

test("skeleton: y = a x + b", () => {
  const y = call(skeleton, skeletonTf, { x: bf16([3], [1, -2, NaN]), b: f32([3], [0.5, 4, 0]) }, { a: 3 }).y;
  expect(y.dtype).toBe("f32");
  expect(values(y)).toEqual([3.5, -2, NaN]);
});

describe("rmsnorm", () => {
  test("unit rows by hand", () => {
    const t = { x: bf16([2, 4], [1, 1, 1, 1, 3, 4, 0, 0]), w: bf16([4], [1, 2, 3, 4]) };
    // mean squares 1 and 6.25
    expect(error(call(rmsnorm, rmsnormTf, t, { eps: 0 }).y, [1, 2, 3, 4, 1.2, 3.2, 0, 0])).toBeLessThan(1e-7);
  });
  test("a NaN stays in its row, and eps alone holds a zero row", () => {
    const t = { x: bf16([3, 2], [NaN, 1, 0, 0, 1, 1]), w: bf16([2], [1, 1]) };
    const { y } = call(rmsnorm, rmsnormTf, t, { eps: 1e-6 });
    expect(nonFinite(y)).toEqual([0, 1]);
    expect(values(y).slice(2, 4)).toEqual([0, 0]);
  });
  test("no rows", () => {
    const t = { x: bf16([0, 4], []), w: bf16([4], [1, 1, 1, 1]) };
    expect(call(rmsnorm, rmsnormTf, t, { eps: 1e-6 }).y).toMatchObject({ shape: [0, 4], dtype: "f32" });
  });
});

describe("hyper-connections", () => {
  const random = seeded(11);
  const [n, hc, d] = [3, 4, 6];
  const x = bf16([n, hc, d], random(n * hc * d));
  const xv = values(x);

  test("hc_mix scales after the dot product", () => {
    const fn = f32([24, hc * d], random(24 * hc * d));
    const want: number[] = [];
    for (let i = 0; i < n; i++) {
      const row = xv.slice(i * hc * d, (i + 1) * hc * d);
      const r = 1 / Math.sqrt(row.reduce((a, v) => a + v * v, 0) / row.length + 1e-6);
      for (let m = 0; m < 24; m++)
        want.push(row.reduce((a, v, k) => a + v * Number(fn.data[m * hc * d + k]), 0) * r);
    }
    expect(error(call(hcMix, hcMixTf, { x, fn }, { eps: 1e-6 }).mix, want)).toBeLessThan(1e-6);
  });

  test("hc_split gives the published known answers", () => {
    const t = {
      mix: f32(
        [1, 24],
        Array.from({ length: 24 }, (_, i) => (i - 12) / 8),
      ),
      scale: f32([3], [0.5, 1, 2]),
      base: f32(
        [24],
        Array.from({ length: 24 }, (_, i) => 0.25 * ((i % 5) - 2)),
      ),
    };
    const y = call(hcSplit, hcSplitTf, t, { eps: 1e-6, iters: 20, hc: 4 });
    expect(error(y.pre, [0.22270113, 0.28140664, 0.34864616, 0.42250565])).toBeLessThan(1e-7);
    expect(error(y.post, [0.75508136, 0.40362644, 0.5378828, 0.6972903])).toBeLessThan(1e-7);
    const row3 = [0.19634695, 0.19634676, 0.2608258, 0.3464795];
    const comb = [
      [0.34647933, 0.34647965, 0.1318678, 0.17517228],
      [0.26082578, 0.26082587, 0.34647965, 0.1318677],
      row3,
      row3,
    ];
    expect(y.comb.shape).toEqual([1, 4, 4]);
    expect(error(y.comb, comb.flat())).toBeLessThan(1e-6);
  });

  test("hc_split keeps one stage with iters 1, and NaN in its token", () => {
    const mix = f32([2, 24], [...random(24), NaN, ...random(23)]);
    const t = { mix, scale: f32([3], [1, 1, 1]), base: f32([24], fill(24, 0)) };
    const y = call(hcSplit, hcSplitTf, t, { eps: 0, iters: 1, hc: 4 });
    expect(nonFinite(y.pre)).toEqual([4]);
    expect(nonFinite(y.post)).toEqual([]);
    const c = values(y.comb);
    for (let k = 0; k < 4; k++) expect(c[k] + c[4 + k] + c[8 + k] + c[12 + k]).toBeCloseTo(1, 6);
    expect(Math.abs(c[0] + c[1] + c[2] + c[3] - 1)).toBeGreaterThan(1e-4);
  });

  test("hc_head_split, hc_collapse and hc_post restated", () => {
    const pre = f32([n, hc], random(n * hc));
    const post = f32([n, hc], random(n * hc));
    const comb = f32([n, hc, hc], random(n * hc * hc));
    const z = bf16([n, d], random(n * d));
    const zv = values(z);
    const collapsed: number[] = [];
    const mixed: number[] = [];
    for (let i = 0; i < n; i++) {
      for (let c = 0; c < d; c++) {
        let sum = 0;
        for (let j = 0; j < hc; j++) sum += Number(pre.data[i * hc + j]) * xv[(i * hc + j) * d + c];
        collapsed.push(sum);
      }
      for (let k = 0; k < hc; k++)
        for (let c = 0; c < d; c++) {
          let sum = Number(post.data[i * hc + k]) * zv[i * d + c];
          for (let j = 0; j < hc; j++)
            sum += Number(comb.data[(i * hc + j) * hc + k]) * xv[(i * hc + j) * d + c];
          mixed.push(sum);
        }
    }
    expect(error(call(hcCollapse, hcCollapseTf, { pre, x }).y, collapsed)).toBeLessThan(1e-6);
    expect(error(call(hcPost, hcPostTf, { z, x, post, comb }).y, mixed)).toBeLessThan(1e-6);
    const head = { mix: f32([1, 2], [0, -100]), scale: f32([1], [1]), base: f32([2], [0, 0]) };
    expect(values(call(hcHeadSplit, hcHeadSplitTf, head, { eps: 0 }).pre)).toEqual([
      0.5,
      Math.fround(Math.exp(-100)),
    ]);
  });

  test("mtp_fuse adds the embedding to every stream", () => {
    const t = { e: bf16([1, 2], [1, 2]), h: bf16([1, 2, 2], [10, 20, NaN, 40]) };
    expect(values(call(mtpFuse, mtpFuseTf, t).x)).toEqual([11, 22, NaN, 42]);
  });
});

describe("rotation", () => {
  test("a quarter turn of interleaved pairs, forward and back; other channels pass", () => {
    const quarter = Math.fround(Math.PI / 2);
    const t = {
      x: bf16([2, 1, 5], [7, 1, 0, 0, 2, 7, 1, 0, 0, 2]),
      pos: i32([2], [1, 0]),
      freq: f32([2], [quarter, quarter]),
    };
    expect(error(call(rope, ropeTf, t, { inverse: 0 }).y, [7, 0, 1, -2, 0, 7, 1, 0, 0, 2])).toBeLessThan(
      1e-7,
    );
    expect(error(call(rope, ropeTf, t, { inverse: 1 }).y, [7, 0, -1, 2, 0, 7, 1, 0, 0, 2])).toBeLessThan(
      1e-7,
    );
  });
  test("angles keep their digits at a million tokens", () => {
    const f = Math.fround(0.687656045);
    const t = { x: bf16([1, 1, 2], [1, 0]), pos: i32([1], [1000003]), freq: f32([1], [f]) };
    const angle = 1000003 * f;
    expect(error(call(rope, ropeTf, t, { inverse: 0 }).y, [Math.cos(angle), Math.sin(angle)])).toBeLessThan(
      1e-6,
    );
  });
  test("q_norm_rope normalises each head, then turns", () => {
    const quarter = Math.fround(Math.PI / 2);
    const t = {
      q: bf16([1, 2, 4], [1, 1, 1, 1, NaN, 0, 0, 0]),
      pos: i32([1], [1]),
      freq: f32([1], [quarter]),
    };
    const { y } = call(qNormRope, qNormRopeTf, t, { eps: 0 });
    expect(nonFinite(y)).toEqual([4, 5, 6, 7]);
    expect(error(f32([4], values(y).slice(0, 4)), [1, 1, -1, 1])).toBeLessThan(1e-6);
  });
});

describe("linear", () => {
  const random = seeded(5);
  const product = (a: number[], w: number[], m: number, n: number, k: number): number[] =>
    Array.from({ length: m * n }, (_, at) => {
      const [i, j] = [Math.floor(at / n), at % n];
      let sum = 0;
      for (let c = 0; c < k; c++) sum += a[i * k + c] * w[j * k + c];
      return sum;
    });

  test("bf16 operands, both outputs; a NaN row stays a row", () => {
    const a = bf16([3, 40], random(120));
    const w = bf16([5, 40], random(200));
    const want = product(values(a), values(w), 3, 5, 40);
    expect(error(call(linearBf16, linearBf16Tf, { a, w }).y, want)).toBeLessThan(1e-6);
    expect(error(call(linearF32, linearF32Tf, { a, w }).y, want)).toBeLessThan(1e-6);
    const bad = bf16([3, 40], [...values(a).slice(0, 45), NaN, ...values(a).slice(46)]);
    expect(nonFinite(call(linearF32, linearF32Tf, { a: bad, w }).y)).toEqual([5, 6, 7, 8, 9]);
  });

  test("fp8: scales by hand over a ragged second block", () => {
    // e4m3 0x38 = 1, 0x40 = 2; K = 130: blocks of 128 and 2
    const [m, n, k] = [2, 130, 130];
    const t = {
      a: bytes("e4m3", [m, k], fill(m * k, 0x38)),
      a_s: bytes("ue8m0", [m, 2], [127, 128, 126, 127]),
      w: bytes("e4m3", [n, k], fill(n * k, 0x40)),
      w_s: bytes("ue8m0", [2, 2], [127, 127, 128, 125]),
    };
    const { y } = call(linearFp8, linearFp8Tf, t);
    const at = (i: number, j: number): number => Number(y.data[i * n + j]);
    expect(at(0, 0)).toBe(128 * 2 * 1 * 1 + 2 * 2 * 2 * 1);
    expect(at(0, 129)).toBe(128 * 2 * 1 * 2 + 2 * 2 * 2 * 0.25);
    expect(at(1, 127)).toBe(128 * 2 * 0.5 * 1 + 2 * 2 * 1 * 1);
    expect(at(1, 128)).toBe(128 * 2 * 0.5 * 2 + 2 * 2 * 1 * 0.25);
  });

  test("fp8: a NaN code or scale reaches its outputs only", () => {
    const codes = fill(2 * 4, 0x38);
    codes[5] = 0x7f;
    const t = {
      a: bytes("e4m3", [2, 4], codes),
      a_s: bytes("ue8m0", [2, 1], [127, 127]),
      w: bytes("e4m3", [3, 4], fill(12, 0xb8)),
      w_s: bytes("ue8m0", [1, 1], [120]),
    };
    expect(values(call(linearFp8, linearFp8Tf, t).y)).toEqual([-4 / 128, -4 / 128, -4 / 128, NaN, NaN, NaN]);
  });

  test("unrounded activations pass through as float32 codes", () => {
    const t = {
      a: f32([1, 2], [0.3, 0.7]),
      a_s: f32([1, 1], [2]),
      w: bytes("e4m3", [1, 2], [0x38, 0x40]),
      w_s: bytes("ue8m0", [1, 1], [127]),
    };
    expect(error(call(linearFp8, linearFp8Tf, t).y, [0.6 + 2 * 1.4])).toBeLessThan(1e-7);
  });

  test("grouped: group g uses its own rows of w and their scales", () => {
    const w = fill(256 * 2, 0x38);
    const t = {
      a: bf16([1, 2, 2], [1, 2, 3, 4]),
      w: bytes("e4m3", [256, 2], w),
      w_s: bytes("ue8m0", [2, 1], [127, 129]),
    };
    const { y } = call(grouped, groupedTf, t, { N: 128 });
    expect(y.shape).toEqual([1, 2, 128]);
    expect(new Set(values(y).slice(0, 128))).toEqual(new Set([3]));
    expect(new Set(values(y).slice(128))).toEqual(new Set([28]));
  });
});
