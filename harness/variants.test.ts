/**
 * Ops with a kernel written for the device: the suite holds both kernels. `verify.test.ts` runs every case on the device's own kernel;
 * here are the portable twin, and the other under moments of completion that the default never shows.
 */
import { afterAll, describe, expect, test } from "vitest";
import { loadOps } from "../kernels/registry.ts";
import { VARIANTS, type Variant } from "../kernels/schema.ts";
import { native, needNative } from "./native_tests.ts";
import { planOps, runCase } from "./op_run.ts";
import type { VirtualOptions } from "./virtual_options.ts";

const ops = (await loadOps()).filter((op) => Object.keys(op.variants ?? {}).length > 0);
const LAZY: VirtualOptions = { async: "lazy", seed: 0, checks: true, maxInstructions: 0, profile: false };

needNative();
afterAll(() => native?.virtual(LAZY));

/** Bad rows of an op's suite, how often each kernel ran, and the entries that were launched, where they are counted. */
async function suiteOf(name: string, variant: Variant, options: VirtualOptions) {
  const op = ops.find((o) => o.name === name)!;
  native.virtual(options);
  const bad: string[] = [];
  const ran: Record<string, number> = Object.fromEntries(VARIANTS.map((v) => [v, 0]));
  const entries = new Set<string>();
  for (const p of await planOps([op]))
    for (const r of await runCase(p, {
      native,
      device: "virtual",
      seed: 0,
      repeat: 1,
      variant,
      tf: null,
      onProfile: (x) => entries.add(x.counts.kernel),
    })) {
      ran[r.variant ?? "portable"]++;
      // a corner case whose right answer is zero is judged by the informative ones beside it
      if (r.status !== "PASS" && r.status !== "VACUOUS") bad.push(`${p.case}: ${r.status}: ${r.sentence}`);
    }
  return { bad, ran, entries: [...entries].sort() };
}

describe.each(ops.map((op) => op.name))("%s", (name) => {
  test("the portable kernel", async () => {
    const { bad, ran } = await suiteOf(name, "portable", LAZY);
    expect(bad).toEqual([]);
    expect(ran.sm100).toBe(0);
  }, 240_000);
  test("the sm100 kernel, operations completing at any time and warps in any order", async () => {
    const options: VirtualOptions = { ...LAZY, async: "random", seed: 1, profile: true };
    const { bad, ran, entries } = await suiteOf(name, "sm100", options);
    expect(bad).toEqual([]);
    expect(ran.sm100).toBeGreaterThan(5);
    // none of its forms goes untested because a threshold has moved
    const { entries: others = {} } = ops.find((o) => o.name === name)!.variants!.sm100!;
    expect(entries).toEqual(expect.arrayContaining([name, ...Object.keys(others)]));
  }, 240_000);
});
