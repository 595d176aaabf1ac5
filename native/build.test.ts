/** The build: nothing to do is fast, every kernel is there, and a missing tool is one sentence. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openNative } from "../harness/native.ts";
import { BUILD, ROOT, ensureNative } from "../harness/native_build.ts";
import { listByEnding } from "../kernels/registry.ts";

const run = promisify(execFile);
let bin: string;
beforeAll(async () => {
  bin = mkdtempSync(join(tmpdir(), "dsv4-path-"));
  await ensureNative();
}, 600_000);
afterAll(() => rmSync(bin, { recursive: true, force: true }));

test("nothing changed: no compiler is started", async () => {
  const from = performance.now();
  expect(await ensureNative()).toBe("unchanged");
  // 100 ms on a quiet machine; starting cmake at all takes longer than this on any
  expect(performance.now() - from).toBeLessThan(1000);
});

test("every kernel has PTX for sm_100a that names its op as the entry", () => {
  const kernels = listByEnding(join(ROOT, "kernels"), ".cu").map((id) => id.split("/")[1]);
  expect(kernels.length).toBeGreaterThan(0);
  for (const module of kernels) {
    const ptx = readFileSync(join(BUILD, "kernels", `${module}.ptx`), "utf8");
    const [op] = module.split("."); // a variant's entry is the op's, too
    expect(ptx).toMatch(/^\.target sm_100a/m);
    expect(ptx).toMatch(new RegExp(`^\\.visible \\.entry ${op}\\(`, "m"));
  }
});

test("a kernel that a build for SM100 left out is made when it is asked for", async () => {
  rmSync(join(BUILD, "kernels", "hc_mix.ptx"));
  rmSync(join(BUILD, "kernels_portable.stamp"), { force: true });
  const [hc, d_model, n_mix] = [4, 32, 24];
  const r = await openNative().runOp({
    op: "hc_mix",
    inputs: { x: new Uint16Array(hc * d_model), fn: new Float32Array(n_mix * hc * d_model) },
    outputs: { mix: 4 * n_mix },
    scalars: { n_tok: 1, hc, d_model, n_mix, eps: 1e-6 },
    options: { variant: "portable" },
  });
  expect(r.variant).toBe("portable");
}, 120_000);

describe("a machine without the tools", () => {
  /** Runs the build's check in a process whose PATH has only the given tools, on a tree that looks changed. */
  async function attempt(tools: readonly string[]): Promise<string> {
    const dir = mkdtempSync(join(bin, "p"));
    const find = (tool: string): string | undefined =>
      [...(process.env.PATH ?? "").split(delimiter), "/usr/local/cuda/bin"]
        .map((d) => join(d, tool))
        .find((f) => existsSync(f));
    for (const t of tools) {
      const path = find(t);
      if (path) symlinkSync(path, join(dir, t));
    }
    const code = `const { requireTools } = await import("./harness/native_build.ts");
      try { requireTools([]); console.log("all there"); } catch (e) { console.log(e.name + ": " + e.message); }`;
    const args = ["--import", "tsx", "--input-type=module", "-e", code];
    const env = { PATH: dir, HOME: process.env.HOME ?? "" };
    return (await run(process.execPath, args, { cwd: ROOT, env })).stdout.trim();
  }
  const shell = ["sh", "uname", "env"];

  test.each([
    ["nvcc", ["cmake", "g++"], /^ToolMissing: native build: expected nvcc of CUDA 13 .*, got none$/],
    ["cmake", ["nvcc", "g++"], /^ToolMissing: native build: expected cmake >= 3\.25 on PATH, got none$/],
    [
      "g++",
      ["nvcc", "cmake"],
      /^ToolMissing: native build: expected a C\+\+20 compiler "g\+\+" on PATH, got none$/,
    ],
  ])("without %s", async (_, tools, sentence) => {
    expect(await attempt([...shell, ...tools])).toMatch(sentence);
  });

  test("with all of them", async () => {
    expect(await attempt([...shell, "nvcc", "cmake", "g++"])).toBe("all there");
  });
});
