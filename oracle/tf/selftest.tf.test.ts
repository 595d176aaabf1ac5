import { describe, expect, test } from "vitest";
import { backend, tfjs, useBackend, type Backend } from "./backend.ts";
import { HAZARDS } from "./hazards.ts";
import { same, selfTest } from "./selftest.ts";

describe.each(["wasm", "cpu"] satisfies Backend[])("hazards of tfjs on %s", (name) => {
  test("are as pinned, quickly, and leave nothing behind", async () => {
    expect(await useBackend(name)).toBe(true);
    const before = tfjs.memory().numTensors;
    const result = selfTest();
    expect(result.changes).toEqual([]);
    expect(result.ok).toBe(true);
    expect(result.hazards).toHaveLength(HAZARDS.length);
    expect(result.ms).toBeLessThan(500);
    expect(tfjs.memory().numTensors).toBe(before);
    await useBackend(backend);
  });
});

test("a library that changed fails with one sentence", () => {
  const h = HAZARDS.find((x) => x.name.startsWith("cast"))!;
  const fixed = { ...h, gives: { [backend]: [2147483647] } };
  const rows = HAZARDS as unknown as (typeof h)[];
  rows.splice(rows.indexOf(h), 1, fixed);
  try {
    const result = selfTest();
    expect(result.ok).toBe(false);
    expect(result.changes).toHaveLength(1);
    expect(result.changes[0]).toContain("cast(3e9, int32) to give [2147483647]");
    expect(result.changes[0]).toContain("got [-1294967296]");
  } finally {
    rows.splice(rows.indexOf(fixed), 1, h);
  }
});

test("a chosen backend is checked by name", async () => {
  expect(tfjs.getBackend()).toBe(backend);
  expect(await useBackend("nonsense" as Backend)).toBe(false);
  expect(tfjs.getBackend()).toBe(backend);
});

test("same tells NaN from numbers and 0 from nothing", () => {
  expect(same([NaN, 1], [NaN, 1])).toBe(true);
  expect(same([NaN], [Infinity])).toBe(false);
  expect(same([], [0])).toBe(false);
});
