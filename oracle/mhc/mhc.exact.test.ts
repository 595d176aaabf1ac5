import { describe, expect, it } from "vitest";
import { op as collapseOp } from "../../kernels/mhc/hc_collapse.op.ts";
import { op as headSplitOp } from "../../kernels/mhc/hc_head_split.op.ts";
import { op as mixOp } from "../../kernels/mhc/hc_mix.op.ts";
import { op as postOp } from "../../kernels/mhc/hc_post.op.ts";
import { op as splitOp } from "../../kernels/mhc/hc_split.op.ts";
import { encode, faithful, ideal, values } from "../num/index.ts";
import { run } from "../run.ts";
import type { Tensor } from "../tensor.ts";
import { exact as collapse } from "./hc_collapse.ts";
import { exact as headSplit } from "./hc_head_split.ts";
import { exact as mix } from "./hc_mix.ts";
import { exact as post } from "./hc_post.ts";
import { exact as split } from "./hc_split.ts";

const list = (t: Tensor): number[] => Array.from(values(t));
const expectClose = (got: number[], want: number[], relative = 3e-7): void => {
  expect(got.length).toBe(want.length);
  got.forEach((g, i) => expect(Math.abs(g - want[i])).toBeLessThanOrEqual(relative * Math.abs(want[i])));
};

describe("hc_mix", () => {
  it("one RMS over all streams, stream-major order, scaled after the dot product", () => {
    const x = encode("bf16", [1, 2, 3, 4, 5, 6, 7, 8], [1, 4, 2]);
    const fn = encode("f32", [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], [2, 8]);
    const rms = Math.sqrt(204 / 8 + 0.25);
    expectClose(list(run(mixOp, mix, ideal, { x, fn }, { eps: 0.25 }).mix), [1 / rms, 4 / rms], 1e-15);
  });
});

describe("hc_split", () => {
  const one = (n: number, f: (i: number) => number): number[] => Array.from({ length: n }, (_, i) => f(i));
  const known = {
    mix: encode(
      "f32",
      one(24, (i) => (i - 12) / 8),
      [1, 24],
    ),
    scale: encode("f32", [0.5, 1, 2], [3]),
    base: encode(
      "f32",
      one(24, (i) => 0.25 * ((i % 5) - 2)),
      [24],
    ),
  };
  const attrs = { hc: 4, eps: 1e-6, iters: 20 };
  it("known answer", () => {
    for (const r of [faithful, ideal]) {
      const { pre, post: p, comb } = run(splitOp, split, r, known, attrs);
      expectClose(list(pre), [0.22270113, 0.28140664, 0.34864616, 0.42250565]);
      expectClose(list(p), [0.75508136, 0.40362644, 0.5378828, 0.6972903]);
      const last = [0.19634695, 0.19634676, 0.2608258, 0.3464795];
      const rows = [
        0.34647933, 0.34647965, 0.1318678, 0.17517228, 0.26082578, 0.26082587, 0.34647965, 0.1318677,
      ];
      expectClose(list(comb), [...rows, ...last, ...last], 1e-6);
    }
  });
  it("ends with columns: they sum to 1 - eps, rows to less exactly so", () => {
    const strong = {
      ...known,
      mix: encode(
        "f32",
        one(24, (i) => ((i * 7) % 11) / 2),
        [1, 24],
      ),
    };
    for (const iters of [1, 2]) {
      const c = list(run(splitOp, split, ideal, strong, { ...attrs, iters }).comb);
      for (let k = 0; k < 4; k++) expect(c[k] + c[4 + k] + c[8 + k] + c[12 + k]).toBeCloseTo(1, 5);
      expect(Math.abs(c[0] + c[1] + c[2] + c[3] - 1)).toBeGreaterThan(0.01);
    }
  });
  it("eps belongs to pre and comb, the factor 2 to post; no mix gives one half, one and a uniform comb", () => {
    const zero = {
      ...known,
      mix: encode(
        "f32",
        one(24, () => 0),
        [1, 24],
      ),
      base: encode(
        "f32",
        one(24, () => 0),
        [24],
      ),
    };
    const got = run(splitOp, split, ideal, zero, { ...attrs, eps: 0.125, iters: 1 });
    expect(list(got.pre)).toEqual([0.625, 0.625, 0.625, 0.625]);
    expect(list(got.post)).toEqual([1, 1, 1, 1]);
    expectClose(
      list(got.comb),
      one(16, () => 0.375 / (1.5 + 0.125)),
      1e-15,
    );
  });
  it("survives large logits by the row maximum; NaN stays in its token", () => {
    const m = one(48, (i) => (i === 8 ? 500 : i === 40 ? NaN : 0));
    const two = { ...known, mix: encode("f32", m, [2, 24]), scale: encode("f32", [1, 1, 2], [3]) };
    const c = list(run(splitOp, split, faithful, two, attrs).comb);
    expect(c.slice(0, 16).some(Number.isNaN)).toBe(false);
    expect(c[0]).toBeGreaterThan(0.9);
    expect(c.slice(16).every(Number.isNaN)).toBe(true);
  });
});

describe("hc_head_split", () => {
  it("sigmoid plus eps of each stream with its base and the one scale", () => {
    const t = {
      mix: encode("f32", [0, 2, 1, 0], [2, 2]),
      scale: encode("f32", [0.5], [1]),
      base: encode("f32", [0, 1], [2]),
    };
    const s = (x: number): number => 1 / (1 + Math.exp(-x)) + 0.25;
    expectClose(
      list(run(headSplitOp, headSplit, ideal, t, { eps: 0.25 }).pre),
      [0.75, s(2), s(0.5), s(1)],
      1e-15,
    );
  });
});

describe("hc_collapse", () => {
  it("weighs the streams of each token and rounds once", () => {
    const x = encode("bf16", [1, 2, 10, 20, 3, 4, 30, 40], [2, 2, 2]);
    const pre = encode("f32", [1, 0.5, 2, 0], [2, 2]);
    expect(list(run(collapseOp, collapse, faithful, { x, pre }).y)).toEqual([6, 12, 6, 8]);
    // 1 + 2^-8 + 2^-8 = 1 + 2^-7: rounding each partial sum to bf16 would stay at 1
    const t = { x: encode("bf16", [1, 1, 1], [1, 3, 1]), pre: encode("f32", [1, 2 ** -8, 2 ** -8], [1, 3]) };
    expect(list(run(collapseOp, collapse, faithful, t).y)).toEqual([1 + 2 ** -7]);
  });
});

describe("hc_post", () => {
  const x = encode("bf16", [1, 2, 10, 20], [1, 2, 2]);
  const z = encode("bf16", [100, 200], [1, 2]);
  const call = (p: number[], comb: number[]): number[] =>
    list(
      run(postOp, post, faithful, {
        x,
        z,
        post: encode("f32", p, [1, 2]),
        comb: encode("f32", comb, [1, 2, 2]),
      }).y,
    );
  it("comb[j][k] carries stream j into stream k", () => {
    expect(call([0, 0], [0, 1, 0, 0])).toEqual([0, 0, 1, 2]); // source 0, destination 1
  });
  it("post adds z to its own stream", () => {
    expect(call([0, 0.5], [1, 0, 0, 1])).toEqual([1, 2, 60, 120]);
  });
});
