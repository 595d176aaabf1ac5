import { describe, expect, it } from "vitest";
import { op as mxfp4Op } from "../../kernels/moe/expert_linear_mxfp4.op.ts";
import { op as nvfp4Op } from "../../kernels/moe/expert_linear_nvfp4.op.ts";
import { op as hashOp } from "../../kernels/moe/gate_hash.op.ts";
import { op as gateOp } from "../../kernels/moe/gate_topk.op.ts";
import { op as combineOp } from "../../kernels/moe/moe_combine.op.ts";
import { op as dispatchOp } from "../../kernels/moe/moe_dispatch.op.ts";
import { op as swigluOp } from "../../kernels/moe/swiglu.op.ts";
import { encode, faithful, ideal, values } from "../num/index.ts";
import { run } from "../run.ts";
import { f32, i32, type Tensor } from "../tensor.ts";
import { exact as mxfp4 } from "./expert_linear_mxfp4.ts";
import { exact as nvfp4 } from "./expert_linear_nvfp4.ts";
import { exact as hash } from "./gate_hash.ts";
import { exact as gate, regret } from "./gate_topk.ts";
import { exact as combine } from "./moe_combine.ts";
import { exact as dispatch } from "./moe_dispatch.ts";
import { exact as swiglu } from "./swiglu.ts";

const list = (t: Tensor): number[] => Array.from(values(t));
const rows = (x: number[][]): Tensor => encode("f64", x.flat(), [x.length, x[0].length]);
const ones = (n: number): number[] => Array.from({ length: n }, () => 1);
/** Logit of a score: softplus is inverted exactly enough. */
const logit = (score: number): number => Math.log(Math.expm1(score * score));

describe("gate_topk", () => {
  const attrs = { n_act: 2, route_scale: 2.5 };
  it("selects by score + bias, weighs by score alone", () => {
    const t = { logits: rows([[1, 2, 3, 0.5].map(logit)]), bias: f32([8, 0, 0, 8]) };
    const { ids, weights } = run(gateOp, gate, ideal, t, attrs);
    expect(list(ids)).toEqual([0, 3]);
    expect(list(weights)[0]).toBeCloseTo((1 / 1.5) * 2.5, 12);
    expect(list(weights)[1]).toBeCloseTo((0.5 / 1.5) * 2.5, 12);
  });
  it("score is sqrt(softplus), linear above 20", () => {
    const t = { logits: rows([[0, 25]]), bias: f32([0, 0]) };
    const { ids, weights } = run(gateOp, gate, ideal, t, { ...attrs, route_scale: 1 });
    expect(list(ids)).toEqual([1, 0]);
    const low = Math.sqrt(Math.LN2);
    expect(list(weights)[0]).toBeCloseTo(5 / (5 + low), 14);
  });
  it("ties go to the lowest id, NaN comes last", () => {
    const t = {
      logits: rows([
        [1, 3, 3, 3],
        [NaN, NaN, -5, NaN],
      ]),
      bias: f32([0, 0, 0, 0]),
    };
    expect(list(run(gateOp, gate, faithful, t, attrs).ids)).toEqual([1, 2, 2, 0]);
  });
  it("regret: 0 for the best order, the shortfall of a swap, Infinity for what is illegal", () => {
    const t = { logits: rows([[1, 2, 3, 0.5].map(logit)]), bias: f32([0, 0, 0, 0]) };
    const s = { n_tok: 1, n_expert: 4, ...attrs };
    const judge = (ids: number[]): number =>
      regret(t, s, { ids: encode("i32", ids, [1, 2]), weights: rows([[1, 1]]) })[0];
    expect(judge([2, 1])).toBe(0);
    expect(judge([1, 2])).toBeCloseTo(1, 12);
    expect(judge([2, 3])).toBeCloseTo(1.5, 12);
    expect([judge([2, 2]), judge([2, 4]), judge([-1, 2])]).toEqual([Infinity, Infinity, Infinity]);
    const tied = { logits: rows([[7, 7, 7, 7]]), bias: f32([0, 0, 0, 0]) };
    const out = run(gateOp, gate, faithful, tied, attrs);
    expect(regret(tied, s, out)[0]).toBe(0);
  });
});

describe("gate_hash", () => {
  const t = {
    logits: rows([[1, 2, 3].map(logit), [1, 2, 3].map(logit)]),
    tok: i32([4, 1]),
    tid2eid: encode("i32", [9, 9, 2, 0, 9, 9, 9, 9, 1, 2], [5, 2]),
  };
  it("experts by token id in table order, weights by their scores", () => {
    const { ids, weights } = run(hashOp, hash, ideal, t, { route_scale: 1.5 });
    expect(list(ids)).toEqual([1, 2, 2, 0]);
    [0.6, 0.9, 1.125, 0.375].forEach((w, i) => expect(list(weights)[i]).toBeCloseTo(w, 12));
  });
  it("refuses an id outside the vocabulary", () => {
    expect(() => run(hashOp, hash, ideal, { ...t, tok: i32([4, 5]) }, { route_scale: 1 })).toThrow(
      "got 5 at 1",
    );
  });
});

describe("moe_dispatch", () => {
  it("sorts by expert, then slot; empty experts, inverse permutations", () => {
    const got = run(
      dispatchOp,
      dispatch,
      faithful,
      { ids: encode("i32", [3, 0, 0, 3, 2, 0], [3, 2]) },
      { n_expert: 5 },
    );
    expect(list(got.offset)).toEqual([0, 3, 3, 4, 6, 6]);
    expect(list(got.row_slot)).toEqual([1, 2, 5, 4, 0, 3]);
    expect(list(got.row_tok)).toEqual([0, 1, 2, 2, 0, 1]);
    expect(list(got.row_expert)).toEqual([0, 0, 0, 2, 3, 3]);
    const back = list(got.slot_row);
    expect(list(got.row_slot).map((s) => back[s])).toEqual([0, 1, 2, 3, 4, 5]);
  });
  it("refuses an id without an expert", () => {
    const t = { ids: encode("i32", [0, 5], [1, 2]) };
    expect(() => run(dispatchOp, dispatch, faithful, t, { n_expert: 5 })).toThrow("0..4, got 5 at slot 1");
  });
});

describe("expert_linear_mxfp4", () => {
  const K = 160; // five blocks of 32, the second 128-block short
  const t = {
    a: encode("e4m3", [...ones(K), ...ones(K).map(() => 2), ...ones(K).map(() => 3)], [3, K]),
    a_s: encode("ue8m0", [1, 2, 1, 1, 4, 4], [3, 2]),
    offset: i32([0, 2, 2, 3]),
    expert_slot: i32([1, -1, 0]),
    w: encode("e2m1", [...ones(2 * K).map(() => -1), ...ones(K), ...ones(K).map(() => 0.5)], [2, 2, K]),
    w_s: encode("ue8m0", [...ones(5), ...ones(5), 1, 2, 4, 8, 16, ...ones(5)], [2, 2, 5]),
  };
  it("rows of an expert use its slot; block scales of both sides", () => {
    const y = list(run(mxfp4Op, mxfp4, ideal, t, { n_row: 3 }).y);
    const first = 32 * (1 + 2 + 4 + 8 + 2 * 16);
    const second = 0.5 * (128 + 2 * 32);
    expect(y.slice(0, 2)).toEqual([first, second]);
    expect(y.slice(2, 4)).toEqual([2 * 32 * 31, 2 * 0.5 * K]);
    expect(y.slice(4)).toEqual([-3 * 4 * K, -3 * 4 * K]); // expert 2 is slot 0
  });
  it("gathers by src_row", () => {
    const y = list(run(mxfp4Op, mxfp4, ideal, { ...t, src_row: i32([1, 1, 0]) }, { n_row: 3 }).y);
    expect(y).toEqual([1984, 160, 1984, 160, -(128 + 64), -(128 + 64)]);
  });
  it("refuses rows of an expert that is not resident", () => {
    const bad = { ...t, offset: i32([0, 1, 2, 3]) };
    expect(() => run(mxfp4Op, mxfp4, ideal, bad, { n_row: 3 })).toThrow("weights of expert 1, got slot -1");
  });
});

describe("expert_linear_nvfp4", () => {
  it("block scales of 16 on both sides, the product of both globals once", () => {
    const K = 32;
    const t = {
      a: encode("e2m1", [...ones(K), ...ones(K).map(() => 2)], [2, K]),
      a_s: encode("e4m3", [1.5, 1, 1, 1], [2, 2]),
      a_global: f32([7, 0.1, 0.5]),
      offset: i32([0, 0, 1, 2]),
      expert_slot: i32([-1, 1, 0]),
      w: encode("e2m1", [...ones(K).map(() => 0.5), ...ones(K)], [2, 1, K]),
      w_s: encode("e4m3", [1, 1, 2, 3], [2, 1, 2]),
      w_global: f32([4, 0.3]),
    };
    const y = list(run(nvfp4Op, nvfp4, ideal, t).y);
    expect(y[0]).toBeCloseTo(16 * (1.5 * 2 + 3) * Math.fround(0.1) * Math.fround(0.3), 12);
    expect(y[1]).toBe(32 * 2 * 0.5 * 2);
    expect(run(nvfp4Op, nvfp4, faithful, t).y.dtype).toBe("bf16");
  });
});

describe("swiglu", () => {
  const silu = (x: number): number => x / (1 + Math.exp(-x));
  const call = (g: number[], u: number[], more: { row_slot?: Tensor; weight?: Tensor } = {}): number[] =>
    list(
      run(
        swigluOp,
        swiglu,
        ideal,
        { g: rows([g]), u: rows([u]), ...more },
        { limit: 10, ...(more.weight ? {} : { n_slot: 0 }) },
      ).y,
    );
  it("clamps the gate above only and the other branch on both sides", () => {
    const y = call([20, -20, 1, 1, 1], [1, 1, 30, -30, 2]);
    const want = [silu(10), silu(-20), 10 * silu(1), -10 * silu(1), 2 * silu(1)];
    y.forEach((v, i) => expect(v).toBeCloseTo(want[i], 13));
  });
  it("weighs a row by its slot", () => {
    const y = call([1], [1], { row_slot: i32([2]), weight: f32([9, 9, 0.5]) });
    expect(y[0]).toBeCloseTo(0.5 * silu(1), 14);
  });
  it("NaN is not clamped away", () => {
    expect(call([NaN, 1], [1, NaN])).toEqual([NaN, NaN]);
  });
  it("refuses a weight without slots", () => {
    expect(() => call([1], [1], { weight: f32([1]) })).toThrow("got weight alone");
  });
});

describe("moe_combine", () => {
  it("adds a token's rows and the unscaled shared output", () => {
    const t = {
      routed: rows([
        [1, 2],
        [10, 20],
        [100, 200],
        [5, 5],
      ]),
      slot_row: encode("i32", [2, 0, 3, 1], [2, 2]),
      shared: rows([
        [0.5, 0.5],
        [1000, 0],
      ]),
    };
    expect(list(run(combineOp, combine, ideal, t).z)).toEqual([101.5, 202.5, 1015, 25]);
  });
  it("adds in f32, in slot order, and rounds to bf16 once", () => {
    const t = {
      routed: rows([[2 ** 24], [1], [-(2 ** 24)]]),
      slot_row: encode("i32", [0, 1, 2], [1, 3]),
      shared: rows([[0]]),
    };
    expect(list(run(combineOp, combine, faithful, t).z)).toEqual([0]); // the 1 is lost to f32
    const other = { ...t, slot_row: encode("i32", [0, 2, 1], [1, 3]) };
    expect(list(run(combineOp, combine, faithful, other).z)).toEqual([1]);
    const once = { ...t, routed: rows([[1], [2 ** -8], [2 ** -8]]) };
    expect(list(run(combineOp, combine, faithful, once).z)).toEqual([1 + 2 ** -7]);
  });
});
