/** A bundle in an empty folder, without an environment: it runs a suite as the project does, and what it gave agrees. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { relocate, stage } from "./bundle.ts";
import { ROOT } from "./discover.ts";
import { ensureNative, ToolMissing } from "./native_build.ts";
import { readOutputs } from "./outputs.ts";

const run = promisify(execFile);
let dir: string;
let tools = true;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "dsv4-bundle-test-"));
  try {
    await ensureNative();
    await stage(join(dir, "bundle"));
  } catch (e) {
    if (!(e instanceof ToolMissing)) throw e;
    tools = false;
  }
  mkdirSync(join(dir, "empty"));
}, 900_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));
beforeEach((c) => {
  if (!tools) c.skip("no CUDA compiler here");
});

const bundle = (...args: string[]) =>
  run(process.execPath, [join(dir, "bundle", "dsv4.mjs"), ...args], {
    cwd: join(dir, "empty"),
    env: { PATH: "/usr/bin:/bin" },
  });

test("a suite's outputs are those of the project, and agree says so", async () => {
  const file = join(dir, "outputs.jsonl");
  const { stdout } = await bundle(
    ...["verify", "--op", "skeleton,swiglu", "--variant", "portable", "--no-tf", "--report", "none"],
    ...["--out", join(dir, "results"), "--outputs", file],
  );
  expect(stdout).toMatch(/\d+ PASS in /);
  const given = readOutputs(file);
  expect(given.cases.length).toBeGreaterThan(10);
  expect(given.cases.every((c) => c.outputs.length > 0 && c.outputs[0].variant === "portable")).toBe(true);
  const rows = readFileSync(join(dir, "results", "results.jsonl"), "utf8");
  expect(JSON.parse(rows.split("\n")[0]).environment.commit).toBe(given.header.commit);

  const json = join(dir, "agree.json");
  const agree = ["--import", "tsx", join(ROOT, "harness", "cli.ts"), "agree", file, "--json", json];
  const { stdout: said } = await run(process.execPath, agree, { cwd: ROOT });
  expect(said).toContain(`${given.cases.length} cases: ${given.cases.length} the same bits, 0 apart, 0 not`);
  expect(JSON.parse(readFileSync(json, "utf8"))).toHaveLength(given.cases.length);
}, 120_000);

test("a layer runs too: the oracles' thread is the script again", async () => {
  const { stdout } = await bundle(
    ...["verify", "--layer", "3", "--tokens", "2", "--accumulated", "--no-tf", "--report", "none"],
    ...["--out", join(dir, "layer")],
  );
  expect(stdout).toMatch(/\d+ PASS in /);
}, 120_000);

test("what a bundle leaves out says so when it is asked for", async () => {
  await expect(bundle("verify", "--op", "skeleton", "--report", "none")).rejects.toMatchObject({
    stderr: expect.stringMatching(/@tensorflow\/\S+: expected an installed package, got a bundle/),
  });
  await expect(bundle("verify", "--op", "rmsnrom", "--report", "none")).rejects.toMatchObject({ code: 2 });
});

test("paths of a module are its own below the bundle", () => {
  expect(relocate("a/b.ts", "join(import.meta.dirname, x); import(pathToFileURL(f).href)")).toBe(
    'join((bundleRoot + "/a"), x); bundleImport(pathToFileURL(f).href)',
  );
});
