/** The list of faults must not rot: a fault whose line is gone or no longer alone would silently test nothing. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../../harness/discover.ts";
import { faults } from "./index.ts";

describe("faults", () => {
  it.each(faults.map((f) => [f.id, f] as const))("%s: its line is there once, and changes", (_, f) => {
    const text = readFileSync(join(ROOT, f.file), "utf8");
    expect(text.split(f.find).length - 1).toBe(1);
    expect(f.replace).not.toBe(f.find);
  });

  it("have unique ids", () => {
    expect(new Set(faults.map((f) => f.id)).size).toBe(faults.length);
  });

  it("cover every kind", () => {
    const count = (kind: string): number => faults.filter((f) => f.kind === kind).length;
    expect([count("kernel") >= 25, count("engine") >= 8, count("loader") >= 4, count("oracle") >= 6]).toEqual(
      Array(4).fill(true),
    );
  });
});
