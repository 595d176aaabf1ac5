import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runGolden } from "./golden.ts";

const GOLDEN = join(import.meta.dirname, "..", "fixtures", "golden");
let tmp: string;
beforeAll(() => {
  tmp = mkdtempSync(join(tmpdir(), "dsv4-golden-"));
});
afterAll(() => rmSync(tmp, { recursive: true, force: true }));

// `a` has the released head, rope and indexer sizes and takes 20 s: the nightly run has it, here the three small ones
test.each(["b", "c", "d"])(
  "bundle %s: every tensor within its bound, both oracles",
  async (name) => {
    const { rows } = await runGolden(join(GOLDEN, name));
    expect(rows.filter((r) => !r.ok)).toEqual([]);
    expect(rows.filter((r) => r.oracle === "exact").length).toBe(rows.length / 2);
    expect(rows.length).toBeGreaterThan(90);
  },
  60_000,
);

test("a bundle whose parameters differ from its activations fails: the check can fail", async () => {
  const dir = join(tmp, "d");
  cpSync(join(GOLDEN, "d"), dir, { recursive: true });
  const path = join(dir, "config.json");
  const json = JSON.parse(readFileSync(path, "utf8")) as {
    rope_parameters: { compress: { rope_theta: number } };
  };
  json.rope_parameters.compress.rope_theta = 40000;
  writeFileSync(path, JSON.stringify(json));
  const { rows } = await runGolden(dir, { tf: false });
  expect(rows.find((r) => r.key === "layers.0.attention")?.ok).toBe(false);
  expect(rows.find((r) => r.key === "layers.0.attn_hc.collapsed")?.ok).toBe(true);
}, 60_000);

test("a bundle without its tensors is refused in one sentence", async () => {
  await expect(runGolden(tmp)).rejects.toThrow("expected a file config.json, got none");
});
