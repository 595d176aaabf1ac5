/** The virtual SM100's own tests (native/sim/test), each under its name. */
import { execFile, execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BUILD, ROOT, ToolMissing, ensureNative } from "../harness/native_build.ts";

const PROGRAM = join(BUILD, "sim", "sim_test");

/** Names of the tests; none where there is no compiler. Collecting builds them, which is why this is no hook. */
async function names(): Promise<string[]> {
  try {
    await ensureNative({ also: ["sim_test"] });
  } catch (e) {
    if (e instanceof ToolMissing) return [];
    throw e;
  }
  return execFileSync(PROGRAM, ["--list"], { encoding: "utf8" }).trim().split("\n");
}

const all = await names();

/** One process runs them all; a crash leaves the rest without a verdict. */
const verdicts = new Promise<ReadonlyMap<string, string>>((resolve) => {
  if (all.length === 0) return resolve(new Map());
  execFile(PROGRAM, [], { cwd: ROOT, maxBuffer: 1 << 26 }, (_, out) => {
    const lines = out
      .split("\n")
      .map((l) => [l.slice(0, l.indexOf(": ")), l.slice(l.indexOf(": ") + 2)] as const);
    resolve(new Map(lines));
  });
});

test.skipIf(all.length === 0)("there are tests", () => expect(all.length).toBeGreaterThan(50));

test.skipIf(all.length === 0).each(all)(
  "%s",
  async (name) => {
    expect((await verdicts).get(name) ?? "no verdict: the program ended before this test did").toBe("ok");
  },
  600_000,
);
