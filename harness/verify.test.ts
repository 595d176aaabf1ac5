/** Whole runs on the virtual GPU: kernels, engine, oracles and rows together, on a short prompt. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { VerifyArgs } from "./commands/verify.ts";
import { opsByName } from "./discover.ts";
import { ensureNative, ToolMissing } from "./native.ts";
import { decode, type Results, type Row } from "./result.ts";
import { RESULTS } from "./store.ts";
import { verify } from "./verify.ts";

let dir: string;
let said: string;
let tools = true;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "dsv4-verify-"));
  await ensureNative().catch((e: unknown) => {
    if (!(e instanceof ToolMissing)) throw e;
    tools = false;
  });
}, 900_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));
beforeEach((c) => {
  if (!tools) c.skip("no CUDA compiler here: the TypeScript parts are tested without it");
  said = "";
  vi.spyOn(process.stdout, "write").mockImplementation((s) => {
    said += String(s);
    return true;
  });
  return () => vi.restoreAllMocks();
});

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
  tf: false,
  report: "none",
  list: false,
  resume: false,
  ...a,
});
let n = 0;
async function run(a: Partial<VerifyArgs>): Promise<{ code: number; results: Results; out: string }> {
  const out = a.out ?? join(dir, `run${n++}`);
  const code = await verify(args({ ...a, out }), []);
  return { code, out, results: decode(readFileSync(join(out, RESULTS), "utf8"), out) };
}
const bad = (r: Results): string[] =>
  r.rows.filter((x) => x.status !== "PASS").map((x) => `${x.status} ${x.mode} ${x.site}: ${x.sentence}`);
/** Launches that touched less than their op must move, or issued fewer products than its results need: a wrong formula. */
const tooLittle = (r: Results): string[] =>
  r.profiles
    .filter(
      ({ counts: { bytes, mma }, unavoidable, useful_macs }) =>
        bytes.global_read_unique < unavoidable.read ||
        bytes.global_write_unique < unavoidable.write ||
        (useful_macs ?? 0) > Object.values(mma).reduce((sum, m) => sum + m.issued, 0),
    )
    .map((p) => p.key);
const inputs = (rows: readonly Row[]): string => rows.map((r) => r.hashes.inputs).join();

describe("an op", () => {
  test("every case passes twice alike, and each row says on which kernel and inputs", async () => {
    const { code, results } = await run({ op: "skeleton,hadamard", repeat: 2, tf: true });
    expect(bad(results)).toEqual([]);
    expect(code).toBe(0);
    expect(results.done.size).toBe(results.header.expected_units);
    for (const r of results.rows) {
      expect(r.hashes.kernel).toMatch(/^[0-9a-f]{12}$/);
      expect(r.time_ms.native).toBeGreaterThan(0);
      expect(r.oracles?.agree).toBe(true);
      expect(r.counters.thread_instructions).toBeGreaterThan(0);
    }
    expect(said).toMatch(/\d+ PASS in .* on Virtual SM100/);
  }, 120_000);
  test("a seed draws other inputs, and no oracle runs that was not asked for", async () => {
    const one = (await run({ op: "skeleton", seed: 1 })).results.rows;
    const two = (await run({ op: "skeleton", seed: 2 })).results.rows;
    expect(inputs(one)).not.toBe(inputs(two));
    expect(one.every((r) => r.oracles === null)).toBe(true);
  }, 120_000);
});

describe("profiles", () => {
  const launches = (r: Results, mode: string): string[] =>
    r.profiles
      .filter((p) => p.mode === mode && p.turn === 0)
      .map((p) => `${p.op} ${p.site}`)
      .sort();

  test("a layer: every launch in both modes, no less than the op must move, useful within issued", async () => {
    const { results, out } = await run({ layer: 2, tokens: 9, profile: true, report: "html,json,markdown" });
    expect(bad(results)).toEqual([]);
    // alone every op is a launch; the engine runs fusions, each named by the rows of its parts
    for (const mode of ["isolated", "accumulated"] as const) {
      const named = new Set(results.rows.filter((r) => r.mode === mode).map((r) => r.op));
      expect(new Set(results.profiles.filter((p) => p.mode === mode).map((p) => p.op))).toEqual(named);
    }
    expect(launches(results, "isolated")).toHaveLength(62);
    expect(launches(results, "accumulated")).toHaveLength(16);
    const taps = new Set(results.rows.map((r) => r.site));
    for (const p of results.profiles)
      expect(taps.has(p.site) || [...taps].some((t) => t.startsWith(`${p.site}.`))).toBe(true);
    expect(new Set(results.profiles.map((p) => p.op))).toEqual(new Set(results.rows.map((r) => r.op)));
    expect(tooLittle(results)).toEqual([]);
    expect(said).toContain("profile, accumulated: a model, not a measurement");
    expect(readFileSync(join(out, "summary.md"), "utf8")).toContain("Profile: a model, not a measurement");
    expect(readFileSync(join(out, "report.html"), "utf8")).toContain('"by_limit"');
  }, 240_000);
  test("every suite: no launch touches less than its declaration says it must", async () => {
    const ops = [...(await opsByName()).keys()];
    const { results } = await run({ op: ops.join(), profile: true });
    expect(new Set(results.profiles.map((p) => p.op))).toEqual(new Set(ops));
    expect(tooLittle(results)).toEqual([]);
    const products = results.profiles.filter((p) => p.useful_macs !== null);
    const useful = new Set(products.filter((p) => p.useful_macs! > 0).map((p) => p.op));
    expect(new Set(products.map((p) => p.op))).toEqual(useful); // what issues products says what they are for
  }, 900_000);
  test("without --profile there are none", async () => {
    const { results } = await run({ op: "skeleton" });
    expect(results.profiles).toEqual([]);
    expect(said).not.toContain("profile");
  }, 120_000);
});

describe("a layer", () => {
  test("CSA with hash routing, both modes: every tap of the engine is compared, and one report a name", async () => {
    const { code, results, out } = await run({ layer: 2, tokens: 9, report: "html,junit", tf: true });
    expect(bad(results)).toEqual([]);
    expect(code).toBe(0);
    const sites = (mode: string): string[] =>
      results.rows
        .filter((r) => r.mode === mode)
        .map((r) => r.site)
        .sort();
    expect(sites("isolated")).toEqual(sites("accumulated"));
    expect(sites("isolated").length).toBeGreaterThan(60);
    expect(results.rows.every((r) => r.mode === "accumulated" || r.oracles !== null)).toBe(true);
    expect(results.divergences).toEqual([]);
    expect(statSync(join(out, "report.html")).size).toBeGreaterThan(10_000);
    expect(said).toContain("junit.xml");
  }, 240_000);
  test("NVFP4 experts, two layers, one mode each way", async () => {
    const alone = await run({ layers: "3..4", tokens: 6, format: "nvfp4", isolated: true });
    expect(bad(alone.results)).toEqual([]);
    expect(new Set(alone.results.rows.map((r) => r.mode))).toEqual(new Set(["isolated"]));
    expect(alone.results.rows.some((r) => r.op.includes("nvfp4"))).toBe(true);
    const chain = await run({ layers: "3..4", tokens: 6, format: "nvfp4", accumulated: true });
    expect(bad(chain.results)).toEqual([]);
    expect(new Set(chain.results.rows.map((r) => r.layer))).toEqual(new Set([3, 4]));
  }, 240_000);
  test("what a run has finished is not run again", async () => {
    const first = await run({ layers: "3..4", tokens: 5 });
    const again = await run({ layers: "3..4", tokens: 5, resume: true, out: first.out });
    expect(again.code).toBe(0);
    expect(again.results.rows).toEqual(first.results.rows);
    expect(again.results.end?.phases.run).toBeLessThan(1);
    await expect(run({ layers: "3..4", tokens: 6, resume: true, out: first.out })).rejects.toThrow(
      "expected a run of the same plan and sources",
    );
  }, 240_000);
  test("Ctrl-C keeps the finished layers; the resumed run has the rows of an uninterrupted one", async () => {
    const stop = setInterval(() => {
      const path = join(dir, "cut", RESULTS);
      if (!existsSync(path) || !readFileSync(path, "utf8").includes('"kind":"done"')) return;
      clearInterval(stop);
      process.emit("SIGINT");
    }, 20);
    const cut = await run({ layers: "3..6", tokens: 5, out: join(dir, "cut") }).finally(() =>
      clearInterval(stop),
    );
    expect(cut.code).toBe(130);
    expect(cut.results.done.size).toBeGreaterThan(0);
    expect(cut.results.done.size).toBeLessThan(4);
    expect(said).toContain("add --resume to go on");
    const rest = await run({ layers: "3..6", tokens: 5, resume: true, out: cut.out });
    expect(rest.code).toBe(0);
    const whole = await run({ layers: "3..6", tokens: 5 });
    const natives = (r: Results): string[] => r.rows.map((x) => `${x.key} ${x.hashes.native}`).sort();
    expect(natives(rest.results)).toEqual(natives(whole.results));
  }, 240_000);
});

test("a device that is not there is named with those that are", async () => {
  await expect(run({ op: "skeleton", device: "cuda:77" })).rejects.toThrow(
    /^device: expected one of virtual.*, got "cuda:77"$/,
  );
});
