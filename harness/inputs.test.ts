/** Inputs follow from seed, op and case; their values lie on the grid of their format and look as they say. */
import { describe, expect, test } from "vitest";
import { decode, encode } from "../oracle/num/index.ts";
import { SeededInputs } from "./inputs.ts";

const make = (seed = 0, op = "rmsnorm", name = "a"): SeededInputs => new SeededInputs(seed, op, name);
const moments = (x: Float64Array): [number, number] => {
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  return [mean, Math.sqrt(x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length)];
};

describe("seeds", () => {
  test("the same seed, op and case give the same bits; another of either gives others", () => {
    const bits = (g: SeededInputs): string => (g.normal("bf16", [64]).data as Uint16Array).join();
    expect(bits(make())).toBe(bits(make()));
    const others = [make(1), make(0, "rope"), make(0, "rmsnorm", "b")].map(bits);
    expect(new Set([...others, bits(make())]).size).toBe(4);
  });
});

describe("values", () => {
  test.each(["f32", "bf16", "e4m3", "e2m1"] as const)("normal %s lies on the grid", (dtype) => {
    const t = make().normal(dtype, [50, 40]);
    const v = decode(t);
    expect(decode(encode(dtype, v, [50, 40]))).toEqual(v);
    expect(Math.abs(moments(v)[0])).toBeLessThan(0.1);
    expect(moments(v)[1]).toBeGreaterThan(0.9);
  });
  test("mean and spread as asked, uniform within its borders", () => {
    const [mean, std] = moments(decode(make().normal("f32", [20000], { mean: 3, std: 0.5 })));
    expect(mean).toBeCloseTo(3, 1);
    expect(std).toBeCloseTo(0.5, 1);
    const u = decode(make().uniform("f32", [1000], -2, 5));
    expect(Math.min(...u)).toBeGreaterThanOrEqual(-2);
    expect(Math.max(...u)).toBeLessThan(5);
    expect(Math.max(...u)).toBeGreaterThan(4.5);
  });
  test("heavy: one channel x100, one row x1e4", () => {
    const [rows, cols] = [40, 64];
    const v = decode(make().heavy("f32", [rows, cols])).map(Math.abs);
    const row = Array.from({ length: rows }, (_, r) => v.slice(r * cols, (r + 1) * cols).sort()[cols / 2]);
    const col = Array.from({ length: cols }, (_, c) => v.filter((_, i) => i % cols === c).sort()[rows / 2]);
    expect(row.filter((x) => x > 1000).length).toBe(1);
    expect(col.filter((x) => x > 20).length).toBe(1);
  });
  test("codes stay within their borders, nibbles reach all of theirs", () => {
    const s = make().codes("ue8m0", [500], 120, 130).data as Uint8Array;
    expect(Math.min(...s)).toBe(120);
    expect(Math.max(...s)).toBe(130);
    const q = make().codes("e2m1", [999]);
    expect(q.data.length).toBe(500);
    expect(new Set(Array.from(q.data as Uint8Array, (b) => b & 15)).size).toBe(16);
  });
  test("integers, formulas and permutations", () => {
    const i = make().ints([300], 2, 5).data as Int32Array;
    expect([...new Set(i)].sort()).toEqual([2, 3, 4]);
    expect(decode(make().from("bf16", [4], (k) => k / 2))).toEqual(Float64Array.of(0, 0.5, 1, 1.5));
    const p = make().permutation(97);
    expect([...p].sort((a, b) => a - b)).toEqual(Array.from({ length: 97 }, (_, k) => k));
    expect([...p]).not.toEqual([...p].sort((a, b) => a - b));
  });
});
