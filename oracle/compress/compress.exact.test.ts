import { describe, expect, it } from "vitest";
import { op } from "../../kernels/compress/compress_pool.op.ts";
import { encode, faithful, ideal, values } from "../num/index.ts";
import { run } from "../run.ts";
import type { Tensor } from "../tensor.ts";
import { exact } from "./compress_pool.ts";

const list = (t: Tensor): number[] => Array.from(values(t));
const m = (rows: number[][]): Tensor => encode("f64", rows.flat(), [rows.length, rows[0].length]);
const NONE = -Infinity;

describe("compress_pool", () => {
  it("ratio 2, no overlap: a softmax a channel over the window, ape by token of the window", () => {
    const t = {
      kv: m([
        [1, 1],
        [3, 5],
        [7, 7],
        [9, 9],
      ]),
      gate: m([
        [0, 0],
        [0, Math.log(3)],
        [0, 0],
        [0, 0],
      ]),
      ape: m([
        [0, 0],
        [Math.LN2, 0],
      ]),
    };
    const attrs = { n_entry: 2, n_coff: 1, width: 2, tok0: 0, entry0: 0 };
    const want = [(1 + 2 * 3) / 3, (1 + 3 * 5) / 4, (7 + 2 * 9) / 3, 8];
    list(run(op, exact, ideal, t, attrs).v).forEach((v, i) => expect(v).toBeCloseTo(want[i], 13));
    expect(list(run(op, exact, faithful, t, attrs).v)).toEqual(list(encode("bf16", want, [4])));
  });

  // overlap, width 1: column 0 serves the next window, column 1 the own
  const kv = [
    [1, 10],
    [2, 20],
    [3, 30],
    [4, 40],
    [5, 50],
    [6, 60],
  ];
  const attrs = { n_coff: 2, width: 1, tok0: 0, entry0: 0 };
  const pick = (token: number, column: number): Tensor =>
    m(kv.map((_, t) => [0, 1].map((c) => (t === token && c === column ? 1000 : 0))));
  const zero = m([
    [0, 0],
    [0, 0],
  ]);
  it("ratio 2, overlap: previous window by first halves, own by second halves", () => {
    const call = (token: number, column: number): number[] =>
      list(
        run(op, exact, ideal, { kv: m(kv), gate: pick(token, column), ape: zero }, { ...attrs, n_entry: 3 })
          .v,
      );
    expect(call(2, 1)[1]).toBe(30); // token 2 dominates its own entry 1 by its second half
    expect(call(2, 0)[2]).toBe(3); // and entry 2 by its first
    expect(call(2, 0)[1]).toBe((1 + 2 + 30 + 40) / 4); // its first half is no part of its own entry
    expect(call(2, 1)[2]).toBe((3 + 4 + 50 + 60) / 4);
  });
  it("entry 0 has no previous window", () => {
    const v = list(
      run(op, exact, ideal, { kv: m(kv), gate: pick(9, 0), ape: zero }, { ...attrs, n_entry: 1 }).v,
    );
    expect(v).toEqual([15]);
  });
  it("the previous window's ape is that of its own tokens, first half", () => {
    const ape = m([
      [0, 0],
      [1000, 0],
    ]);
    const v = list(run(op, exact, ideal, { kv: m(kv), gate: pick(9, 0), ape }, { ...attrs, n_entry: 2 }).v);
    expect(v[1]).toBe(2);
  });
  it("starts anywhere when it has what it needs, and says so when not", () => {
    const t = { kv: m(kv.slice(2)), gate: m(kv.slice(2).map(() => [0, 0])), ape: zero };
    const at = { ...attrs, n_entry: 1, tok0: 2, entry0: 2 };
    expect(list(run(op, exact, ideal, t, at).v)).toEqual([(3 + 4 + 50 + 60) / 4]);
    expect(() => run(op, exact, ideal, t, { ...at, entry0: 1 })).toThrow(
      "expected tokens 0..3 for entry 1, got 2..5",
    );
    expect(() => run(op, exact, ideal, t, { ...at, n_entry: 2 })).toThrow("for entry 3");
  });
  it("huge gates do not overflow; a window without any weight is NaN", () => {
    const t = { kv: m([[1], [2]]), gate: m([[1e5], [1e5]]), ape: m([[0], [0]]) };
    const one = { n_entry: 1, n_coff: 1, width: 1, tok0: 0, entry0: 0 };
    expect(list(run(op, exact, faithful, t, one).v)).toEqual([1.5]);
    expect(list(run(op, exact, faithful, { ...t, gate: m([[NONE], [NONE]]) }, one).v)).toEqual([NaN]);
  });
});
