/** Mixture of experts, quantisers and formats, against hand fixtures and plain restatements. */
import { describe, expect, test } from "vitest";
import { op as mxfp4 } from "../../kernels/moe/expert_linear_mxfp4.op.ts";
import { op as nvfp4 } from "../../kernels/moe/expert_linear_nvfp4.op.ts";
import { op as gateHash } from "../../kernels/moe/gate_hash.op.ts";
import { op as gateTopk } from "../../kernels/moe/gate_topk.op.ts";
import { op as combine } from "../../kernels/moe/moe_combine.op.ts";
import { op as dispatch } from "../../kernels/moe/moe_dispatch.op.ts";
import { op as swiglu } from "../../kernels/moe/swiglu.op.ts";
import { op as actFp8 } from "../../kernels/quant/act_quant_fp8.op.ts";
import { op as actMxfp4 } from "../../kernels/quant/act_quant_mxfp4.op.ts";
import { op as actNvfp4 } from "../../kernels/quant/act_quant_nvfp4.op.ts";
import { op as kvFp8Sim } from "../../kernels/quant/kv_fp8_sim.op.ts";
import { tf as mxfp4Tf } from "../moe/expert_linear_mxfp4.tf.ts";
import { tf as nvfp4Tf } from "../moe/expert_linear_nvfp4.tf.ts";
import { tf as gateHashTf } from "../moe/gate_hash.tf.ts";
import { tf as gateTopkTf } from "../moe/gate_topk.tf.ts";
import { tf as combineTf } from "../moe/moe_combine.tf.ts";
import { tf as dispatchTf } from "../moe/moe_dispatch.tf.ts";
import { tf as swigluTf } from "../moe/swiglu.tf.ts";
import { tf as actFp8Tf } from "../quant/act_quant_fp8.tf.ts";
import { tf as actMxfp4Tf } from "../quant/act_quant_mxfp4.tf.ts";
import { tf as actNvfp4Tf } from "../quant/act_quant_nvfp4.tf.ts";
import { tf as kvFp8SimTf } from "../quant/kv_fp8_sim.tf.ts";
import { floats } from "./io.ts";
import { powerAbove, toE2m1, toE4m3 } from "./round.ts";
import { bf16, bytes, call, error, fill, f32, i32, nonFinite, seeded, values } from "./testing.ts";

describe("formats", () => {
  test("e4m3: every code is its own nearest value, midpoints go to the even code", () => {
    const codes = Array.from({ length: 127 }, (_, i) => i);
    const v = floats(bytes("e4m3", [127], codes));
    expect([v[1], v[8], v[0x38], v[0x7e]]).toEqual([2 ** -9, 2 ** -6, 1, 448]);
    codes.forEach((c) => {
      expect(toE4m3(v[c])).toBe(v[c]);
      expect(toE4m3(-v[c])).toBe(-v[c]);
      if (c < 126) expect(toE4m3((v[c] + v[c + 1]) / 2)).toBe(v[c + (c & 1)]);
    });
    expect([toE4m3(1.0625), toE4m3(1.1875), toE4m3(2 ** -10), toE4m3(3 * 2 ** -10)]).toEqual([
      1,
      1.25,
      0,
      2 ** -8,
    ]);
    expect([toE4m3(449), toE4m3(-1e9), toE4m3(NaN)]).toEqual([448, -448, NaN]);
    expect(Array.from(floats(bytes("e4m3", [2], [0x7f, 0xff])))).toEqual([NaN, NaN]);
  });
  test("e2m1 ties and packing", () => {
    const ties = [0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5];
    expect(ties.map(toE2m1)).toEqual([0, 1, 1, 2, 2, 4, 4]);
    expect(ties.map((x) => toE2m1(-x))).toEqual([-0, -1, -1, -2, -2, -4, -4]);
    expect([toE2m1(5.001), toE2m1(77), toE2m1(-77), toE2m1(NaN)]).toEqual([6, 6, -6, 6]);
    // low nibble first
    expect(Array.from(floats(bytes("e2m1", [4], [0x21, 0xf7])))).toEqual([0.5, 1, 6, -6]);
  });
  test("ue8m0 decodes to powers of two, 0 to a denormal, 255 to NaN", () => {
    expect(Array.from(floats(bytes("ue8m0", [4], [0, 127, 254, 255])))).toEqual([
      2 ** -127,
      1,
      2 ** 127,
      NaN,
    ]);
  });
  test("power-of-two scales of the published amax table", () => {
    const exponent = (amax: number, floor: number, max: number): number =>
      Math.log2(powerAbove(Math.fround(Math.fround(Math.max(amax, floor)) * Math.fround(1 / max))));
    const fp8 = [0, 1e-4, 0.1, 0.75, 1, 3.5, 3.515625, 6, 448, 450, 1000].map((a) => exponent(a, 1e-4, 448));
    expect(fp8).toEqual([-22, -22, -12, -9, -8, -7, -6, -6, 0, 1, 2]);
    const fp4 = [0, 0.75, 1, 3, 6, 6.03125, 12].map((a) => exponent(a, 6 * 2 ** -126, 6));
    expect(fp4).toEqual([-126, -3, -2, -1, 0, 1, 1]);
    expect([powerAbove(Infinity), powerAbove(NaN)]).toEqual([NaN, NaN]);
    expect([0, 2 ** -149, 2 ** -127, 1.5 * 2 ** -127, 2 ** -126].map(powerAbove)).toEqual(
      [-127, -127, -127, -126, -126].map((e) => 2 ** e),
    );
  });
});

describe("quantisers", () => {
  test("act_quant_fp8: codes and scales by hand, a short last block", () => {
    const t = { x: bf16([1, 6], [448, 1.0625, -900, 0.5, 0, 0]) };
    const s = { block: 4, floor: 1e-4 };
    const y = call(actFp8, actFp8Tf, t, s, true);
    // amax 900 needs scale 4: 448/4 = 112, 1.0625/4 = 0.265625 (tie of 0.25 and 0.28125: even), -900/4 = -225 -> -224
    expect(values(y.s)).toEqual([4, 2 ** -22]);
    expect(values(y.q)).toEqual([112, 0.25, -224, 0.125, 0, 0]);
    const through = call(actFp8, actFp8Tf, t, s, false);
    expect(values(through.q).map((q, i) => q * values(through.s)[i >> 2])).toEqual([...values(t.x)]);
  });
  test("act_quant_fp8: a NaN or an infinity spoils its block and no other", () => {
    const t = { x: bf16([2, 4], [1, NaN, 2, 3, 1, Infinity, 1, 1]) };
    const y = call(actFp8, actFp8Tf, t, { block: 2, floor: 1e-4 }, true);
    expect(nonFinite(y.q)).toEqual([0, 1, 4, 5]);
    expect(nonFinite(y.s)).toEqual([0, 2]);
  });
  test("round trips: a spoilt block is NaN, also without simulation", () => {
    const t = { x: bf16([1, 6], [1, NaN, 1, 2, Infinity, NaN]) };
    for (const simulate of [true, false]) {
      expect(nonFinite(call(kvFp8Sim, kvFp8SimTf, t, { n_nope: 4, block: 2 }, simulate).y)).toEqual([
        0, 1, 4, 5,
      ]);
    }
  });
  test("kv_fp8_sim: nope blocks make a round trip, the others pass", () => {
    const t = { x: bf16([1, 6], [1.0625, 448, 900, 3, 1.0625, 1.0078125]) };
    const s = { n_nope: 4, block: 2 };
    const y = call(kvFp8Sim, kvFp8SimTf, t, s, true).y;
    // block 1: scale 1, tie to even; block 2: amax 900, scale 4: 225 -> 224, 0.75 exact
    expect(values(y)).toEqual([1, 448, 896, 3, 1.0625, 1.0078125]);
    expect(values(call(kvFp8Sim, kvFp8SimTf, t, s, false).y)).toEqual(values(t.x));
  });
  test("act_quant_mxfp4: scale 2^ceil(log2(amax / 6)), the floor's for zeros, a short last block, a spoilt one", () => {
    const block = (...x: number[]): number[] => [...x, ...fill(32 - x.length, 0)];
    const t = {
      x: bf16([1, 100], [...block(12, 5, -2.5, 0.25), ...block(), ...block(1, NaN), 3, 0.5, 0, 0]),
    };
    const y = call(actMxfp4, actMxfp4Tf, t, {}, true);
    expect(values(y.s)).toEqual([2, 2 ** -126, NaN, 0.5]);
    // 5 / 2 ties to 2, -2.5 / 2 to -1; the format has no NaN: its code is 7
    expect(values(y.q)).toEqual([...block(6, 2, -1, 0), ...block(), ...fill(32, 6), 6, 1, 0, 0]);
    const through = call(actMxfp4, actMxfp4Tf, t, {}, false);
    const back = values(through.q).map((q, i) => q * values(through.s)[i >> 5]);
    expect(back).toEqual(values(t.x).map((x, i) => (i >> 5 === 2 ? NaN : x)));
  });
  test("act_quant_nvfp4: two levels, gathered rows, zero blocks", () => {
    const row = [6, 5, 0.25, ...fill(13, 0), ...fill(16, 0)];
    const t = {
      x: bf16([2, 32], [...fill(32, 9), ...row]),
      src_row: i32([1], [1]),
      row_expert: i32([1], [1]),
      global: f32([2], [1, 0.0625]),
    };
    const y = call(actNvfp4, actNvfp4Tf, t, {}, true);
    // amax 6, g = 1/16: s = 6 / 0.375 = 16; codes x / (16 g) = x: 5 ties to 4, 0.25 ties to 0
    expect(values(y.s)).toEqual([16, 0]);
    expect(values(y.q)).toEqual([6, 4, ...fill(30, 0)]);
    const x = f32([1, 16], seeded(9)(16));
    const free = { x, row_expert: i32([1], [0]), global: f32([1], [0.003]) };
    const pass = call(actNvfp4, actNvfp4Tf, free, {}, false);
    const back = values(pass.q).map((q) => q * values(pass.s)[0] * Math.fround(0.003));
    expect(error(f32([16], back), values(x))).toBeLessThan(1e-6);
  });
});

describe("gates", () => {
  const score = (x: number): number => Math.sqrt(x > 20 ? x : Math.log1p(Math.exp(x)));
  test("top-k by biased score, ties to the lowest id, weights from unbiased scores", () => {
    const logits = [0, 1, 1, -20, 30, -3];
    const t = { logits: f32([1, 6], logits), bias: f32([6], [8, 8, 8, 20, 0, 8]) };
    const y = call(gateTopk, gateTopkTf, t, { n_act: 4, route_scale: 2.5 });
    expect(values(y.ids)).toEqual([3, 1, 2, 0]);
    const chosen = [3, 1, 2, 0].map((id) => score(logits[id]));
    const sum = chosen.reduce((a, b) => a + b, 0);
    expect(
      error(
        y.weights,
        chosen.map((c) => (c / sum) * 2.5),
      ),
    ).toBeLessThan(1e-6);
    // the smallest weight on its own: softplus(-20) must not lose its digits
    expect(Number(y.weights.data[0]) / ((chosen[0] / sum) * 2.5)).toBeCloseTo(1, 6);
  });
  test("hash: experts by token id, NaN logits in the weights of their token", () => {
    const t = {
      logits: f32([2, 3], [1, 2, 3, NaN, 0, 0]),
      tok: i32([2], [1, 0]),
      tid2eid: i32([2, 2], [0, 1, 2, 1]),
    };
    const y = call(gateHash, gateHashTf, t, { route_scale: 1 });
    expect(values(y.ids)).toEqual([2, 1, 0, 1]);
    const sum = score(3) + score(2);
    expect(error(f32([2], values(y.weights).slice(0, 2)), [score(3) / sum, score(2) / sum])).toBeLessThan(
      1e-6,
    );
    expect(nonFinite(y.weights)).toEqual([2, 3]);
    expect(() => call(gateHash, gateHashTf, { ...t, tok: i32([2], [1, 2]) }, { route_scale: 1 })).toThrow(
      "gate_hash.tok: expected a row in 0..1, got 2",
    );
  });
});

describe("dispatch and combine", () => {
  test("rows by expert, then by slot; the permutations are inverse", () => {
    const y = call(dispatch, dispatchTf, { ids: i32([3, 2], [2, 0, 2, 3, 0, 2]) }, { n_expert: 4 });
    expect(values(y.offset)).toEqual([0, 2, 2, 5, 6]);
    expect(values(y.row_slot)).toEqual([1, 4, 0, 2, 5, 3]);
    expect(values(y.row_tok)).toEqual([0, 2, 0, 1, 2, 1]);
    expect(values(y.row_expert)).toEqual([0, 0, 2, 2, 2, 3]);
    expect(values(y.slot_row)).toEqual([2, 0, 3, 5, 1, 4]);
    expect(() => call(dispatch, dispatchTf, { ids: i32([1, 1], [4]) }, { n_expert: 4 })).toThrow("got 4");
  });
  test("combine sums by slot, then shared", () => {
    const t = {
      routed: bf16([4, 1], [1, 10, 100, NaN]),
      slot_row: i32([2, 2], [2, 0, 1, 3]),
      shared: bf16([2, 1], [0.5, 0.5]),
    };
    expect(values(call(combine, combineTf, t).z)).toEqual([101.5, NaN]);
    // 2^30 + 1 - 2^30 + 1 is 2 whatever the order; infinities stay what they are
    const edge = {
      routed: bf16([4, 1], [2 ** 30, 1, -(2 ** 30), Infinity]),
      slot_row: i32([2, 3], [0, 1, 2, 3, 1, 1]),
      shared: bf16([2, 1], [1, 1]),
    };
    expect(values(call(combine, combineTf, edge).z)).toEqual([2, Infinity]);
  });
});

describe("swiglu", () => {
  const silu = (x: number): number => x / (1 + Math.exp(-x));
  test("clamps above the gate, both sides of the other, and keeps NaN", () => {
    const t = {
      g: bf16([2, 4], [50, -50, 1, NaN, 1, 1, 1, 1]),
      u: bf16([2, 4], [1, 1, -99, 1, NaN, 99, 0, 1]),
      row_slot: i32([2], [1, 0]),
      weight: f32([2], [3, 2]),
    };
    const { y } = call(swiglu, swigluTf, t, { limit: 10 });
    expect(nonFinite(y)).toEqual([3, 4]);
    const want = [2 * silu(10), 2 * silu(-50), 2 * silu(1) * -10];
    values(y)
      .slice(0, 3)
      .forEach((v, i) => expect(Math.abs(v / want[i] - 1)).toBeLessThan(1e-6));
    expect(error(f32([3], values(y).slice(5)), [3 * silu(1) * 10, 0, 3 * silu(1)])).toBeLessThan(1e-6);
    const bare = call(swiglu, swigluTf, { g: t.g, u: t.u }, { limit: 10, n_slot: 0 }).y;
    expect(Number(bare.data[0])).toBeCloseTo(silu(10), 5);
  });
});

describe("grouped experts", () => {
  const random = seeded(31);
  const code = (n: number, levels: number): number[] =>
    random(n).map((x) => Math.floor((x + 1) * (levels / 2)));

  test("mxfp4 restated: empty experts, gathered rows, slots out of order", () => {
    const [nSrc, N, K] = [3, 4, 160];
    const t = {
      a: bytes("e4m3", [nSrc, K], code(nSrc * K, 0x70)),
      a_s: bytes("ue8m0", [nSrc, 2], [120, 121, 122, 119, 120, 118]),
      src_row: i32([4], [2, 0, 0, 1]),
      offset: i32([4], [0, 1, 1, 4]),
      expert_slot: i32([3], [1, -1, 0]),
      w: bytes("e2m1", [2, N, K], code(N * K, 256)),
      w_s: bytes(
        "ue8m0",
        [2, N, 5],
        code(2 * N * 5, 9).map((x) => 123 + x),
      ),
    };
    const [a, as, w, ws] = [t.a, t.a_s, t.w, t.w_s].map((x) => Array.from(floats(x)));
    const want: number[] = [];
    [2, 0, 0, 1].forEach((src, row) => {
      const slot = row === 0 ? 1 : 0;
      for (let n = 0; n < N; n++) {
        let sum = 0;
        for (let k = 0; k < K; k++)
          sum +=
            a[src * K + k] *
            as[src * 2 + (k >> 7)] *
            w[(slot * N + n) * K + k] *
            ws[(slot * N + n) * 5 + (k >> 5)];
        want.push(sum);
      }
    });
    const { y } = call(mxfp4, mxfp4Tf, t);
    expect(y.shape).toEqual([4, N]);
    expect(error(y, want)).toBeLessThan(1e-6);
    // the same storage under other scales must not be answered from memory
    const again = call(mxfp4, mxfp4Tf, {
      ...t,
      w_s: bytes("ue8m0", [2, N, 5], fill(2 * N * 5, 127)),
    });
    expect(error(again.y, want)).toBeGreaterThan(0.1);
    expect(() => call(mxfp4, mxfp4Tf, { ...t, expert_slot: i32([3], [-1, -1, 0]) })).toThrow(
      "expected expert 0 to be resident for its 1 rows, got -1",
    );
  });

  test("nvfp4 restated: block scales and both globals", () => {
    const [N, K] = [3, 32];
    const t = {
      a: bytes("e2m1", [2, K], code(K, 256)),
      a_s: bytes("e4m3", [2, 2], [0x38, 0x40, 0x30, 0x38]),
      a_global: f32([2], [0.5, 0.25]),
      offset: i32([3], [0, 1, 2]),
      expert_slot: i32([2], [1, 0]),
      w: bytes("e2m1", [2, N, K], code(N * K, 256)),
      w_s: bytes(
        "e4m3",
        [2, N, 2],
        code(2 * N * 2, 0x40).map((x) => x + 8),
      ),
      w_global: f32([2], [3, 5]),
    };
    const [a, as, w, ws] = [t.a, t.a_s, t.w, t.w_s].map((x) => Array.from(floats(x)));
    const want: number[] = [];
    for (let row = 0; row < 2; row++) {
      const slot = 1 - row;
      for (let n = 0; n < N; n++) {
        let sum = 0;
        for (let k = 0; k < K; k++)
          sum +=
            a[row * K + k] *
            as[row * 2 + (k >> 4)] *
            w[(slot * N + n) * K + k] *
            ws[(slot * N + n) * 2 + (k >> 4)];
        want.push(sum * (row === 0 ? 0.5 * 5 : 0.25 * 3));
      }
    }
    expect(error(call(nvfp4, nvfp4Tf, t).y, want)).toBeLessThan(1e-6);
  });

  test("no rows at all", () => {
    const t = {
      a: bytes("e4m3", [0, 32], []),
      a_s: bytes("ue8m0", [0, 1], []),
      offset: i32([2], [0, 0]),
      expert_slot: i32([1], [0]),
      w: bytes("e2m1", [1, 2, 32], fill(32, 0)),
      w_s: bytes("ue8m0", [1, 2, 1], [127, 127]),
    };
    expect(call(mxfp4, mxfp4Tf, t, { n_row: 0 }).y.shape).toEqual([0, 2]);
  });
});
