/** The command line as a child process: exit codes, one sentence on stderr, nothing half written. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "./discover.ts";

const run = promisify(execFile);
interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
async function cli(...args: string[]): Promise<Outcome> {
  try {
    const r = await run(process.execPath, ["--import", "tsx", join(ROOT, "harness", "cli.ts"), ...args], {
      cwd: ROOT,
    });
    return { code: 0, ...r };
  } catch (e) {
    return e as Outcome;
  }
}

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "dsv4-cli-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test.each([
  [["verify", "--op", "rmsnrom"], /^op: expected .* did you mean rmsnorm\?\n$/],
  [["verify", "--layer", "99"], /^layer: expected an integer in 0\.\.60, got 99\n$/],
  [["verify", "--layer", "1", "--speed"], /^Unknown argument: speed\n$/],
  [["verify", "--layer", "1", "--report", "pdf"], /^report: expected html, .*, got "pdf"\n$/],
  [["precision", "--tokens", "3"], /^tokens: expected an integer in 8\.\.512, got 3\n$/],
  [["precision", "--layers", "62"], /^layers: expected an integer in 1\.\.61, got 62\n$/],
  [["precision", "--choices", "kv-fp9"], /^choices: expected .* did you mean kv-fp8\?\n$/],
  [["precision", "--report", "pdf"], /^report: expected html, json, markdown or none, got "pdf"\n$/],
  [["verify", "--layer", "1", "--outputs", "x"], /^outputs: expected --op beside it, got "x"\n$/],
  [["agree", "no-such.jsonl"], /^outputs: expected a file of verify --outputs, got ENOENT/],
  [
    ["bench-counts", "--tokens", "0"],
    /^tokens: expected integers in 1\.\.16384 with commas between, got "0"\n$/,
  ],
  [["verifi"], /verif/],
  [[], /^command: expected one of the list above, got none\n$/],
])("%j exits 2 with one sentence", async (args, sentence) => {
  const r = await cli(...args, ...(args[0] === "verify" ? ["--out", join(dir, "never")] : []));
  expect(r.code).toBe(2);
  expect(r.stderr).toMatch(sentence);
  expect(r.stderr.trim().split("\n")).toHaveLength(1);
  expect(r.stdout).toBe("");
  expect(existsSync(join(dir, "never"))).toBe(false);
});

test("help names every command, and verify's options with examples", async () => {
  const all = await cli("--help");
  expect(all.code).toBe(0);
  for (const name of ["verify", "fixture", "bench-self", "build"])
    expect(all.stdout).toContain(`pnpm ${name}`);
  const one = await cli("verify", "--help");
  for (const option of [
    "--layer",
    "--layers",
    "--all",
    "--op",
    "--golden",
    "--resume",
    "--no-tf",
    "Examples:",
    "Exit:",
  ])
    expect(one.stdout).toContain(option);
});

test("--list needs no build", async () => {
  const r = await cli("verify", "--list");
  expect(r.code).toBe(0);
  expect(r.stdout).toMatch(/rmsnorm +norm +\d+ cases/);
  expect(r.stdout).toMatch(/mini +0\.\.60:/);
});
