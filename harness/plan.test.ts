/** Command lines: what they mean, and one sentence each on what is wrong with them. */
import { describe, expect, test } from "vitest";
import { loadConfig } from "../fixtures/configs.ts";
import type { VerifyArgs } from "./commands/verify.ts";
import { UsageError } from "./exit.ts";
import { checkOut, defaultTokens, parseLayers, planOf, type ModelPlan, type Plan } from "./plan.ts";

const args = (a: Partial<VerifyArgs>): VerifyArgs => ({
  all: false,
  config: "mini",
  format: "mxfp4",
  seed: 0,
  device: "virtual",
  async: "lazy",
  checks: true,
  variant: "auto",
  maxInstructions: 0,
  isolated: false,
  accumulated: false,
  repeat: 1,
  profile: false,
  tf: true,
  report: "html",
  list: false,
  resume: false,
  ...a,
});
const plan = (a: Partial<VerifyArgs>): Promise<Plan> => planOf(args(a));
const model = async (a: Partial<VerifyArgs>): Promise<ModelPlan> => {
  const p = await plan(a);
  if (p.kind !== "model") throw new Error(`expected a model plan, got ${p.kind}`);
  return p;
};

describe("what a command line means", () => {
  test("one layer, both modes, long enough for the window to wrap and an HCA entry", async () => {
    const p = await model({ layer: 12 });
    expect(p.units).toEqual([{ layer: 12, embed: false, tail: false }]);
    expect(p.modes).toEqual(["isolated", "accumulated"]);
    expect(p.prompt.ids.shape).toEqual([132]);
    const [ids, next] = [p.prompt.ids.data as Int32Array, p.prompt.next.data as Int32Array];
    expect([...next].slice(0, 131)).toEqual([...ids].slice(1));
  });
  test("ranges, lists, all of it, one mode", async () => {
    expect(parseLayers("10..12,3", 61)).toEqual([3, 10, 11, 12]);
    const all = (await model({ all: true, isolated: true })).units;
    expect(all).toHaveLength(61);
    expect([all[0], all[60]]).toMatchObject([
      { embed: true, tail: false },
      { embed: false, tail: true },
    ]);
    expect((await model({ layers: "0..1", accumulated: true })).modes).toEqual(["accumulated"]);
    expect((await model({ layer: 0, isolated: true, accumulated: true })).modes).toHaveLength(2);
  });
  test("true shapes get one decode token", () => {
    expect(defaultTokens(loadConfig("pro").config)).toBe(1);
    expect(defaultTokens(loadConfig("mini").config)).toBe(132);
  });
  test("cases by op and by part of a name", async () => {
    const p = await plan({ op: "rmsnorm,rope", case: "decode" });
    expect(p.kind === "ops" && p.cases.length).toBeGreaterThan(0);
    expect(p.kind === "ops" && p.cases.every((c) => c.case.includes("decode"))).toBe(true);
  });
});

test.each([
  [
    {},
    "verify: expected --layer N, --layers A..B, --all, --op NAME, --golden DIR or --list, got none of them",
  ],
  [{ layer: 61 }, "layer: expected an integer in 0..60, got 61"],
  [{ layer: NaN }, "layer: expected an integer in 0..60, got NaN"],
  [{ layers: "5..2" }, 'layers: expected a..b with a <= b, got "5..2"'],
  [{ layers: "a" }, 'layers: expected numbers like 3, 10..14 or 0,3,12, got "a"'],
  [{ layers: "59..61" }, "layer: expected 0..60, got 61"],
  [{ layer: 1, config: "huge" }, 'config: expected one of flash, mini, pro, got "huge"'],
  [{ layer: 1, config: "../mini" }, 'config: expected one of flash, mini, pro, got "../mini"'],
  [{ layer: 1, tokens: 513 }, "tokens: expected an integer in 1..512, got 513"],
  [{ layer: 1, tokens: 1.5 }, "tokens: expected an integer in 1..512, got 1.5"],
  [{ layer: 1, seed: -1 }, "seed: expected an integer in 0..2147483647, got -1"],
  [{ layer: 1, device: "gpu" }, 'device: expected virtual or cuda:N, got "gpu"'],
  [
    { op: "rmsnrom" },
    'op: expected an op of the list that --list prints, got "rmsnrom"; did you mean rmsnorm?',
  ],
  [{ op: "rmsnorm", case: "nope" }, `case: expected part of a case's name of rmsnorm, got "nope"`],
  [
    { op: "rmsnorm", profile: true, device: "cuda:0" },
    'profile: expected --device virtual beside it, got "cuda:0"',
  ],
  [
    { golden: "fixtures/golden/a", profile: true },
    'profile: expected a run that launches kernels, got "--golden"',
  ],
  [{ case: "decode" }, 'case: expected --op beside it, got "decode"'],
  [
    { golden: "/nowhere" },
    'golden: expected a folder with config.json, bundle.json and expected.safetensors, got "/nowhere"',
  ],
] as const)("%j is refused in one sentence", async (a, sentence) => {
  const error = await plan(a).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(UsageError);
  expect((error as Error).message).toBe(sentence);
});

test("a file is no folder for results", () => {
  expect(() => checkOut(`${import.meta.filename}/x`)).toThrow(/^out: expected a folder, got/);
});
