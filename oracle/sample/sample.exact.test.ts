import { describe, expect, it } from "vitest";
import { op } from "../../kernels/sample/sample.op.ts";
import { encode, faithful, philox4x32, values } from "../num/index.ts";
import { run } from "../run.ts";
import { i32, type Tensor } from "../tensor.ts";
import { exact, regret } from "./sample.ts";

type Attrs = {
  temperature: number;
  top_p: number;
  seed: number;
};
const rowsOf = (logits: number[][], pos: number[]): { logits: Tensor; pos: Tensor } => ({
  logits: encode("f32", logits.flat(), [logits.length, logits[0].length]),
  pos: i32(pos),
});
const draw = (logits: number[][], pos: number[], attrs: Attrs): number[] =>
  Array.from(values(run(op, exact, faithful, rowsOf(logits, pos), attrs).id));
const judge = (logits: number[], id: number, a: Attrs, pos = 0): number =>
  regret(rowsOf([logits], [pos]), { n_row: 1, vocab: logits.length, ...a }, { id: i32([id]) })[0];

describe("greedy", () => {
  const greedy = { temperature: 0, top_p: 1, seed: 1 };
  it("largest logit, ties to the lowest id, NaN never", () => {
    expect(
      draw(
        [
          [1, 3, 2],
          [5, 1, 5],
          [NaN, -2, NaN],
          [-Infinity, NaN, -Infinity],
        ],
        [0, 0, 0, 0],
        greedy,
      ),
    ).toEqual([1, 0, 1, 0]);
    expect(draw([[NaN, NaN]], [0], greedy)).toEqual([-1]);
  });
  it("regret leaves no freedom", () => {
    expect([0, 1, 2, 7].map((id) => judge([5, 1, 5], id, greedy))).toEqual([0, Infinity, Infinity, Infinity]);
  });
});

describe("exponential race", () => {
  const attrs = { temperature: 1, top_p: 1, seed: 7 };
  it("is argmax p / -log(u) with u from Philox at (seed, pos), counter id / 4, word id % 4", () => {
    const logits = Array.from({ length: 11 }, (_, i) => Math.fround(Math.sin(i)));
    const word = new Uint32Array(4);
    for (const pos of [0, 1, 99]) {
      let best = [-1, -1];
      logits.forEach((l, id) => {
        philox4x32([7, pos], [Math.floor(id / 4), 0, 0, 0], word);
        const u = (Math.floor(word[id % 4] / 256) + 0.5) / 2 ** 24;
        const value = Math.exp(l / 0.5) / -Math.log(u);
        if (value > best[1]) best = [id, value];
      });
      expect(draw([logits], [pos], { ...attrs, temperature: 0.5 })).toEqual([best[0]]);
    }
  });
  it("samples the distribution: 3 ids over 20000 positions within 4 sigma", () => {
    const p = [0.5, 0.3, 0.2];
    const n = 20000;
    const logits = p.map(Math.log);
    const count = [0, 0, 0];
    const rows = Array.from({ length: n }, () => logits);
    for (const id of draw(
      rows,
      Array.from({ length: n }, (_, i) => i),
      attrs,
    ))
      count[id]++;
    p.forEach((x, i) => expect(Math.abs(count[i] - n * x)).toBeLessThan(4 * Math.sqrt(n * x * (1 - x))));
  });
  it("seed and position each matter", () => {
    const rows = Array.from({ length: 64 }, () => [0, 0, 0, 0]);
    const pos = rows.map((_, i) => i);
    const a = draw(rows, pos, attrs);
    expect(a).not.toEqual(draw(rows, pos, { ...attrs, seed: 8 }));
    expect(new Set(a).size).toBe(4);
  });
  it("a temperature near 0 is held at 1e-5, and takes the largest", () => {
    expect(draw([[1, 1.01, 0.99]], [3], { ...attrs, temperature: 1e-30 })).toEqual([1]);
  });
});

describe("top-p", () => {
  const p = [0.1, 0.4, 0.1, 0.4];
  const many = (top_p: number): number[] => {
    const rows = Array.from({ length: 400 }, () => p.map(Math.log));
    const pos = rows.map((_, i) => i);
    return [...new Set(draw(rows, pos, { temperature: 1, top_p, seed: 3 }))].sort();
  };
  it("keeps the smallest set of largest p that reaches top_p, equal p together", () => {
    expect(many(0.3)).toEqual([1, 3]);
    expect(many(0.7)).toEqual([1, 3]);
    expect(many(0.81)).toEqual([0, 1, 2, 3]);
    expect(many(1)).toEqual([0, 1, 2, 3]);
    expect(many(0)).toEqual([1, 3]);
  });
});

describe("regret of a sampled id", () => {
  const attrs = { temperature: 1, top_p: 0.7, seed: 5 };
  const logits = [0.1, 0.45, 0.05, 0.4].map(Math.log);
  it("is 0 for the oracle's own id, the race gap inside the set, the border gap outside, Infinity off the end", () => {
    for (let pos = 0; pos < 20; pos++) {
      const [id] = draw([logits], [pos], attrs);
      expect(judge(logits, id, attrs, pos)).toBe(0);
      expect(judge(logits, 4 - id, attrs, pos)).toBeGreaterThan(2 ** -16); // 1 <-> 3
      expect(judge(logits, 0, attrs, pos)).toBeGreaterThanOrEqual((0.85 - 0.7) / 0.7 - 1e-6);
      expect(judge(logits, 4, attrs, pos)).toBe(Infinity);
      expect(judge(logits, -1, attrs, pos)).toBe(Infinity);
    }
  });
  it("measures the race to the last digit", () => {
    const word = new Uint32Array(4);
    philox4x32([5, 0], [0, 0, 0, 0], word);
    const value = [0, 1, 2].map((id) => 1 / -Math.log(((word[id] >>> 8) + 0.5) * 2 ** -24));
    const best = Math.max(...value);
    value.forEach((v, id) =>
      expect(judge([0, 0, 0], id, { ...attrs, top_p: 1 })).toBeCloseTo((best - v) / best, 11),
    );
  });
  it("a border that rounding may move is forgiven on both sides", () => {
    const edge = { ...attrs, top_p: 0.85 }; // the sum of the two largest, give or take rounding
    for (let pos = 0; pos < 50; pos++) {
      const all = draw([logits], [pos], { ...edge, top_p: 0.8501 })[0]; // with id 0
      const two = draw([logits], [pos], { ...edge, top_p: 0.8499 })[0]; // without
      expect(judge(logits, all, edge, pos)).toBeLessThan(2 ** -16);
      expect(judge(logits, two, edge, pos)).toBeLessThan(2 ** -16);
    }
  });
  it("a row without any number", () => {
    expect(
      draw(
        [
          [NaN, 1],
          [-Infinity, -Infinity],
        ],
        [0, 0],
        attrs,
      ),
    ).toEqual([-1, -1]);
    expect(judge([NaN, 1], -1, attrs)).toBe(0);
    expect(judge([NaN, 1], 1, attrs)).toBe(Infinity);
  });
});
