import { expect, test } from "vitest";
import { abCase, abTable, median, type AbOptions } from "./ab.ts";
import { loadSuite, opsByName } from "./discover.ts";
import type { Native } from "./native.ts";
import { native, needNative } from "./native_tests.ts";

needNative();

const VIRTUAL = { async: "lazy", seed: 0, checks: true, maxInstructions: 0 } as const;
const options = (n: Native): AbOptions => ({
  native: n,
  device: "virtual",
  a: "sm100",
  b: "portable",
  rounds: 1,
  seed: 0,
});

test("both kernels of an op are judged, counted, and held against each other", async () => {
  const op = (await opsByName()).get("linear_fp8")!;
  native.virtual({ ...VIRTUAL, profile: true });
  try {
    const [r] = await abCase(op, "M=31.N=300.K=1104", options(native));
    expect([r.a.variant, r.b.variant]).toEqual(["sm100", "portable"]);
    expect([r.a.status, r.b.status]).toEqual(["PASS", "PASS"]);
    expect(r.between.calc_diff).toBeLessThan(1e-9);
    // 3 tiles of 128 rows x 32 tokens x 9 stages of 128
    expect(r.a.cost?.macs).toBe(3 * 128 * 32 * 9 * 128);
    expect(r.a.cost!.model_us).toBeGreaterThan(0);
    const [small] = await abCase(op, "M=1.N=1.K=1", options(native));
    expect(small.a.variant).toBe("portable");
    expect(abTable([r, small], options(native))[2]).toContain("(portable)");
  } finally {
    native.virtual({ ...VIRTUAL, profile: false });
  }
});

test("a wrong kernel B fails while A passes", async () => {
  const op = (await opsByName()).get("linear_bf16")!;
  native.virtual({ ...VIRTUAL, profile: true });
  const wrong: Native = {
    ...native,
    async runOp(r) {
      const result = await native.runOp(r);
      if (r.options?.variant === "portable") result.outputs.y[1] ^= 0x40;
      return result;
    },
  };
  try {
    const [r] = await abCase(op, "M=16.N=66.K=392", options(wrong));
    expect([r.a.status, r.b.status]).toEqual(["PASS", "FAIL"]);
    expect(r.between.differ).toBeGreaterThan(0);
    expect(abTable([r], options(wrong))[1]).toContain("FAIL");
  } finally {
    native.virtual({ ...VIRTUAL, profile: false });
  }
});

test.each([
  ["router_dispatch", "sm100", "ids"],
  ["topk_keys", "portable", "chosen"],
  ["score_keys", "sm100", "chosen"],
] as const)("a fusion with a choice is judged part by part: %s", async (name, a, choice) => {
  const op = (await opsByName()).get(name)!;
  const [first] = (await loadSuite(op)).cases;
  const rows = await abCase(op, first.name, { ...options(native), a });
  expect(rows.map((r) => r.output)).toEqual(Object.keys(op.out));
  for (const r of rows) {
    expect([r.a.variant, r.b.variant, r.a.status, r.b.status]).toEqual([a, "portable", "PASS", "PASS"]);
    const slack = r.output === choice ? expect.any(Number) : null;
    expect([r.a.regret, r.b.regret]).toEqual([slack, slack]);
  }
});

test("a wrong choice is a regret of its own part alone", async () => {
  const op = (await opsByName()).get("score_keys")!;
  const [topk, window] = [16, 128];
  const wrong: Native = {
    ...native,
    async runOp(r) {
      const result = await native.runOp(r);
      if (r.options?.variant !== "portable") return result;
      const ints = (x: Uint8Array) => new Int32Array(x.buffer, x.byteOffset, x.length / 4);
      const [chosen, idx] = [ints(result.outputs.chosen), ints(result.outputs.idx)];
      // the first token's first choice that has a neighbour left out goes to that neighbour
      const j = chosen.findIndex((n, i) => chosen[i + 1] > n + 1);
      expect(j).toBeLessThan(topk - 1);
      chosen[j]++;
      idx[window + j]++;
      return result;
    },
  };
  const [s, chosen, idx] = await abCase(op, "model.mini", options(wrong));
  expect([s.b.status, chosen.b.status, idx.b.status]).toEqual(["PASS", "FAIL", "PASS"]);
  expect(chosen.a).toMatchObject({ status: "PASS", regret: 0 });
  expect(chosen.b.regret).toBeGreaterThan(0);
  expect(Number.isFinite(chosen.b.regret)).toBe(true);
  const [head, , line] = abTable([s, chosen, idx], options(wrong));
  const at = head.indexOf("B regret");
  expect(line.slice(at, at + "B regret".length).trim()).toBe(chosen.b.regret!.toExponential(1));
});

test("median of even and odd counts", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
});
