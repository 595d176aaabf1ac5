import { beforeAll, beforeEach, expect, test } from "vitest";
import { abCase, abTable, median, type AbOptions } from "./ab.ts";
import { opsByName } from "./discover.ts";
import { loadNative, ToolMissing, type Native } from "./native.ts";

let native: Native;
let tools = true;
beforeAll(async () => {
  try {
    native = await loadNative();
  } catch (e) {
    if (!(e instanceof ToolMissing)) throw e;
    tools = false;
  }
}, 900_000);
beforeEach((c) => {
  if (!tools) c.skip("no CUDA compiler here");
});

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

test("median of even and odd counts", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
});
