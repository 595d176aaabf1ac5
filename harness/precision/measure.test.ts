import { expect, test } from "vitest";
import { loadConfig } from "../../fixtures/configs.ts";
import { scaledContext, wholeContext } from "./context.ts";
import { growthOf, SATURATED } from "./growth.ts";
import { gap, measureLogits, routerFlips, streamGap, topkOverlap } from "./measure.ts";
import { placeGap, type Place } from "./places.ts";

const f = (...x: number[]): Float64Array => Float64Array.from(x);

test("a gap is zero for equal numbers, and its parts are what they say", () => {
  expect(gap(f(1, 2), f(1, 2))).toEqual({ rel_l2: 0, cosine: 1 });
  expect(gap(f(0, 0), f(0, 0))).toEqual({ rel_l2: 0, cosine: 1 });
  expect(gap(f(3, 4), f(3, 0)).rel_l2).toBeCloseTo(4 / 3, 12);
  expect(gap(f(3, 4), f(3, 0)).cosine).toBeCloseTo(0.6, 12);
  // scale is an error that a cosine does not see
  expect(gap(f(2, 4), f(1, 2))).toEqual({ rel_l2: 1, cosine: 1 });
  expect(gap(f(NaN), f(1)).rel_l2).toBeNaN();
});

test("streams: each alone, and the worst token; NaN is the worst of all", () => {
  // two tokens, two streams, two channels
  const ideal = f(1, 0, 1, 0, 1, 0, 1, 0);
  const x = f(1, 0, 1, 0, 1, 0, 1, 0.5);
  const g = streamGap(x, ideal, 2, 2);
  expect(g.by_stream[0]).toBe(0);
  expect(g.by_stream[1]).toBeCloseTo(0.5 / Math.sqrt(2), 12);
  expect(g.worst_token.token).toBe(1);
  expect(g.worst_token.rel_l2).toBeCloseTo(0.5 / Math.sqrt(2), 12);
  expect(streamGap(f(NaN, 0, 1, 0, 1, 0, 1, 0.5), ideal, 2, 2).worst_token).toEqual({
    token: 0,
    rel_l2: NaN,
  });
});

test("decisions: order does not count, padding does not, and tokens without a choice are left out", () => {
  expect(routerFlips(Int32Array.of(1, 2, 3, 4), Int32Array.of(2, 1, 3, 5), 2)).toBe(0.5);
  // ratio 1, top-k 1: token 0 sees one entry, tokens 1 and 2 choose
  expect(topkOverlap(Int32Array.of(0, 0, 2), Int32Array.of(0, 1, 2), 3, 1)).toBe(0.5);
  expect(topkOverlap(Int32Array.of(0, -1), Int32Array.of(0, -1), 1, 1)).toBe(null);
});

test("logits: KL in nats, top-1, and no negative zero", () => {
  const ideal = f(Math.log(0.5), Math.log(0.5), Math.log(0.75), Math.log(0.25));
  const x = f(Math.log(0.25), Math.log(0.75), Math.log(0.75) + 9, Math.log(0.25) + 9);
  const m = measureLogits(x, ideal, 2);
  const kl = 0.5 * Math.log(0.5 / 0.25) + 0.5 * Math.log(0.5 / 0.75);
  expect(m.kl_worst).toBeCloseTo(kl, 12);
  expect(m.kl_mean).toBeCloseTo(kl / 2, 12); // a constant added to all logits is nothing
  expect(m.top1_agreement).toBe(0.5);
  expect(measureLogits(ideal, ideal, 2)).toEqual({ kl_mean: 0, kl_worst: 0, top1_agreement: 1, rel_l2: 0 });
});

test("growth: the factor of a geometric error, up to saturation", () => {
  const e = Array.from({ length: 40 }, (_, l) => 1e-3 * 1.25 ** l);
  const g = growthOf(e)!;
  expect(g.factor).toBeCloseTo(1.25, 10);
  expect(g.r2).toBeCloseTo(1, 10);
  expect([g.first, g.last]).toEqual([0, e.findLastIndex((x) => x < SATURATED)]);
  // layers that nothing has reached yet have no logarithm
  expect(growthOf([0, 0, 1e-3, 2e-3, 4e-3])!.first).toBe(2);
  expect(growthOf([0, 0, 1e-3, 2e-3, 4e-3])!.factor).toBeCloseTo(2, 10);
  expect(growthOf([0, 0, 0])).toBe(null);
  expect(growthOf([0.6, 0.1, 0.1, 0.1])).toBe(null);
  expect(growthOf([0.1, 0.1, 0.1])).toMatchObject({ factor: 1, r2: 1 });
});

test("routed rows are held together by token and expert, however they are sorted", () => {
  const place = (numbers: Float64Array, rows: number[] | null): Place => ({
    name: "ffn.experts.w1",
    op: "o",
    numbers,
    rows: rows && Int32Array.from(rows),
  });
  const ideal = place(f(1, 1, 2, 2, 3, 3), [7, 8, 9]);
  expect(placeGap(place(f(3, 3, 1, 1, 5, 5), [9, 7, 4]), ideal)).toEqual({ rel_l2: 0, cosine: 1 });
  expect(placeGap(place(f(1, 1), [4]), ideal)).toBe(null);
  expect(placeGap(place(f(1, 1), null), place(f(1, 1, 2, 2), null))).toBe(null);
});

test("lengths shrink with the prompt, and are the model's own from its whole context on", () => {
  const { config } = loadConfig("mini");
  expect(wholeContext(config)).toBe(132);
  expect(scaledContext(config, 132)).toBe(config);
  const c = scaledContext(config, 32);
  expect([c.window, c.index_topk]).toEqual([16, 4]);
  expect(new Set(c.layers.filter((l) => l.kind === "hca").map((l) => l.ratio))).toEqual(new Set([16]));
  expect(new Set(c.layers.filter((l) => l.kind === "csa").map((l) => l.ratio))).toEqual(new Set([4]));
  expect(scaledContext(config, 131)).toMatchObject({ window: 64, index_topk: 16 });
  expect(scaledContext(config, 8)).toMatchObject({ window: 4, index_topk: 1 });
});
