import { describe, expect, it } from "vitest";
import { op as keyOp } from "../../kernels/attention/key_list.op.ts";
import { op as pagedOp } from "../../kernels/attention/paged_attention.op.ts";
import { op as attnOp } from "../../kernels/attention/sparse_attention.op.ts";
import { op as simOp } from "../../kernels/quant/kv_fp8_sim.op.ts";
import { op as insertOp } from "../../kernels/quant/kv_insert.op.ts";
import { bf16, encode, faithful, ideal, values } from "../num/index.ts";
import type { Rounding } from "../op.ts";
import { run } from "../run.ts";
import { exact as kvSim } from "../quant/kv_fp8_sim.ts";
import { exact as insert } from "../quant/kv_insert.ts";
import { i32, tensor, type Tensor } from "../tensor.ts";
import { exact as keyList } from "./key_list.ts";
import { exact as paged } from "./paged_attention.ts";
import { exact as attention } from "./sparse_attention.ts";

const list = (t: Tensor): number[] => Array.from(values(t));

describe("key_list", () => {
  const attrs = { n_comp: 3, window: 4, ratio: 4, n_raw: 100, n_entry: 3, raw0: 0 };
  it("window of 4 ending at the query; entries complete at (p + 1) / ratio", () => {
    const got = list(run(keyOp, keyList, faithful, { pos: i32([0, 6, 7, 11]) }, attrs).idx);
    const rows = [
      [-1, -1, -1, 0, -1, -1, -1],
      [3, 4, 5, 6, 100, -1, -1], // token 6: window 1 (4..7) is not complete
      [4, 5, 6, 7, 100, 101, -1], // token 7 completes it and sees it
      [8, 9, 10, 11, 100, 101, 102],
    ];
    expect(got).toEqual(rows.flat());
  });
  it("raw0 shifts raw rows only; no entry beyond n_entry", () => {
    const got = list(
      run(keyOp, keyList, faithful, { pos: i32([11]) }, { ...attrs, raw0: 8, n_entry: 2 }).idx,
    );
    expect(got).toEqual([0, 1, 2, 3, 100, 101, -1]);
  });
  it("a given selection is taken as it is, -1 kept", () => {
    const t = { pos: i32([11]), comp: encode("i32", [2, 0, -1], [1, 3]) };
    expect(list(run(keyOp, keyList, faithful, t, attrs).idx).slice(4)).toEqual([102, 100, -1]);
  });
  it("without compressed slots the ratio does not matter", () => {
    const got = list(
      run(keyOp, keyList, faithful, { pos: i32([1]) }, { ...attrs, n_comp: 0, n_entry: 0, ratio: 0 }).idx,
    );
    expect(got).toEqual([-1, -1, 0, 1]);
  });
});

describe("paged_attention", () => {
  const [n, d] = [9, 512];
  const wave = (i: number): number => 3 * Math.sin(i * i + 1);
  const x = encode(
    "bf16",
    Array.from({ length: n * d }, (_, i) => wave(i)),
    [n, d],
  );
  const t = {
    q: encode(
      "bf16",
      Array.from({ length: 2 * d }, (_, i) => wave(i + 7) / 8),
      [1, 2, d],
    ),
    sink: encode("f32", [0.5, -1], [2]),
  };
  const slots = [4, 8, -1, 0, 4, 1];
  const idx = (f: (row: number) => number) =>
    encode(
      "i32",
      slots.map((row) => (row < 0 ? -1 : f(row))),
      [1, 6],
    );

  it.each([faithful, ideal])(
    "over any table of pages it is sparse_attention over kv_fp8_sim's rows ($name)",
    (r) => {
      const kv = run(simOp, kvSim, faithful, { x }, { n_nope: 448, block: 64 }).y;
      const want = list(run(attnOp, attention, r, { ...t, kv, idx: idx((row) => row) }, { scale: 0.1 }).o);
      for (const slotOf of [
        (row: number) => row,
        (row: number) => 11 - row,
        (row: number) => (5 * row) % 12,
      ]) {
        const before = tensor("u8", [3, 576 * 5], new Uint8Array(3 * 576 * 5).fill(255));
        const slot = i32(Array.from({ length: n }, (_, row) => slotOf(row)));
        const { cache } = run(insertOp, insert, faithful, { x, slot, before }, { page_size: 4 });
        const attrs = { scale: 0.1, page_size: 4 };
        expect(list(run(pagedOp, paged, r, { ...t, cache, idx: idx(slotOf) }, attrs).o)).toEqual(want);
      }
    },
  );
  it("a query without keys gives 0, whatever the cache holds", () => {
    const cache = tensor("u8", [1, 576 * 5], new Uint8Array(576 * 5).fill(255));
    const o = run(
      pagedOp,
      paged,
      faithful,
      { ...t, cache, idx: encode("i32", [-1], [1, 1]) },
      { scale: 1, page_size: 4 },
    ).o;
    expect(list(o)).toEqual(Array(2 * d).fill(0));
  });
});

describe("sparse_attention", () => {
  interface Form {
    q: number[];
    kv: number[];
    idx: number[];
    sink: number[];
    d: number;
    scale?: number;
  }
  const call = ({ q, kv, idx, sink, d, scale = 1 }: Form, r: Rounding = ideal): number[] => {
    const n_head = sink.length;
    const n_tok = q.length / n_head / d;
    const t = {
      q: encode("f64", q, [n_tok, n_head, d]),
      kv: encode("f64", kv, [kv.length / d, d]),
      idx: encode("i32", idx, [n_tok, idx.length / n_tok]),
      sink: encode("f64", sink, [n_head]),
    };
    return list(run(attnOp, attention, r, t, { scale }).o);
  };
  const near = (got: number[], want: number[]): void =>
    got.forEach((g, i) => expect(Math.abs(g - want[i])).toBeLessThanOrEqual(1e-14 * Math.abs(want[i])));

  it("one key and a sink: o = v sigmoid(s - sink); the sink is not scaled and has no value", () => {
    const o = call({ q: [2, 1], kv: [3, 4], idx: [0], sink: [1.5], d: 2, scale: 0.5 });
    const p = 1 / (1 + Math.exp(1.5 - 5));
    near(o, [3 * p, 4 * p]);
  });
  it("one softmax over all slots of a query, masked slots skipped wherever they are, duplicates counted", () => {
    const kv = [9, 9, 1, 0, 0, 2, 5, 5];
    const o = call({ q: [Math.LN2, 0], kv, idx: [-1, 1, -1, 2, 2], sink: [-Infinity], d: 2 });
    near(o, [2 / 4, 4 / 4]); // P = 2, 1, 1
  });
  it("heads have their own query and sink", () => {
    const o = call({ q: [0, 0, 0, 0], kv: [4, 8], idx: [0], sink: [0, Math.log(3)], d: 2 });
    near(o, [2, 4, 1, 2]);
  });
  it("tokens have their own list; five keys run past the block of four", () => {
    const kv = [1, 2, 3, 4, 5, 6];
    const idx = [0, 1, 2, 3, 4, 5, -1, -1, -1, -1];
    near(call({ q: [0, 0], kv, idx, sink: [-Infinity], d: 1 }), [3, 6]);
  });
  it("a query without keys gives 0", () => {
    expect(call({ q: [1, 1], kv: [3, 3], idx: [-1, -1], sink: [0], d: 2 })).toEqual([0, 0]);
  });
  it("P is rounded to bf16 for the values, the sum keeps the unrounded one", () => {
    const t = { q: [-0.25, 0], kv: [0, 1, 2, 0], idx: [0, 1], sink: [0.25], d: 2 };
    const p = Math.exp(-0.5);
    const L = 1 + p + Math.exp(0.25);
    near(call(t), [(p * 2) / L, 1 / L]);
    // an unrounded P, or a sum of rounded ones, gives 0.419921875
    expect((bf16.round(p) * 2) / L).toBeLessThan(0.4189453125);
    expect(call(t, faithful)).toEqual([0.41796875, bf16.round(1 / L)]);
  });
  it("the anchor is the next integer in base 2, so the largest P is rounded like any other", () => {
    const o = call({ q: [0.25], kv: [1], idx: [0], sink: [-Infinity], d: 1 }, faithful);
    const P = 2 ** (Math.fround(0.25 * Math.fround(Math.LOG2E)) - 1); // 2^(0.36 - 1) = 0.642
    expect(bf16.round(P) / P).toBeLessThan(0.998);
    expect(o).toEqual([bf16.round(bf16.round(P) / P)]);
  });
  it("any cut of the list, each part with its own anchor, in any order, has the bits of the whole", () => {
    const [n, d] = [24, 3];
    const wave = (i: number): number => bf16.round(7 * Math.sin(i * i + 1));
    const q = Array.from({ length: d }, (_, i) => wave(i));
    const kv = Array.from({ length: n * d }, (_, i) => wave(i + 9));
    const sink = 3.7;
    const want = call({ q, kv, idx: Array.from({ length: n }, (_, j) => j), sink: [sink], d }, faithful);
    const log2e = Math.fround(Math.LOG2E);
    const score = (j: number): number =>
      Math.fround(Math.fround(q.reduce((a, x, c) => a + x * kv[j * d + c], 0)) * log2e);
    for (const cuts of [[8, 16], [1, 2, 3], [23], [5, 11, 12, 20], []])
      for (const backwards of [false, true]) {
        const parts = [0, ...cuts].map((from, i) => ({ from, end: cuts[i] ?? n }));
        if (backwards) parts.reverse();
        let [m, L] = [-Infinity, 0];
        let o = q.map(() => 0);
        for (const { from, end } of parts) {
          const t = Array.from({ length: end - from }, (_, j) => score(from + j));
          const moved = Math.max(m, ...t.map(Math.ceil));
          const by = 2 ** (m - moved);
          [m, L, o] = [moved, L * by, o.map((x) => x * by)];
          t.forEach((x, j) => {
            const P = 2 ** (x - m);
            L += P;
            o = o.map((y, c) => y + bf16.round(P) * kv[(from + j) * d + c]);
          });
        }
        L += 2 ** (Math.fround(Math.fround(sink) * log2e) - m);
        expect(o.map((x) => bf16.round(x / L))).toEqual(want);
      }
  });
  it("a large score or sink does not overflow", () => {
    near(call({ q: [1], kv: [800], idx: [0], sink: [0], d: 1 }), [800]);
    expect(call({ q: [1], kv: [1], idx: [0], sink: [300], d: 1 })[0]).toBeLessThan(1e-100);
    expect(call({ q: [1], kv: [1], idx: [0], sink: [300], d: 1 }, faithful)).toEqual([0]);
    expect(call({ q: [1], kv: [-1e30], idx: [0], sink: [0], d: 1 }, faithful)).toEqual([-0]);
    const huge = { q: [2 ** 60, 0], kv: [2 ** 40, 6, -(2 ** 40), 1, 2 ** 40, 2], idx: [0, 1, 2], d: 2 };
    expect(call({ ...huge, sink: [0] }, faithful)).toEqual([2 ** 40, 4]);
  });
  it("scores of -Infinity weigh nothing, also where there are no others", () => {
    const form = { q: [1], kv: [-Infinity, 3], d: 1, sink: [-Infinity] };
    expect(call({ ...form, idx: [0] }, faithful)).toEqual([0]);
    // P = 0 times an infinite value
    expect(call({ ...form, idx: [0, 1] }, faithful)).toEqual([NaN]);
  });
  it("NaN reaches its token only", () => {
    const o = call({ q: [NaN, 0, 0, 0], kv: [1, 2], idx: [0, 0], sink: [0], d: 2 });
    expect(o.map(Number.isNaN)).toEqual([true, true, false, false]);
  });
});
