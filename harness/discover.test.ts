/** The registry: an op is the same five files and a line in the addon, or the sentence says which one is missing. */
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadNative, ToolMissing } from "./native.ts";
import {
  inventory,
  loadExact,
  loadSuite,
  loadTf,
  missing,
  nearest,
  opsByName,
  ROOT,
  strayVariants,
} from "./discover.ts";

let copy: string;
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "dsv4-registry-"));
  for (const d of ["kernels", "oracle", "suites"]) cpSync(join(ROOT, d), join(copy, d), { recursive: true });
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

test("declarations, kernels, oracles and suites are the same set", () => {
  expect(missing(inventory(), null)).toEqual([]);
  expect(inventory().declaration.length).toBeGreaterThan(25);
});

test("declared variants and their kernels are the same set", async () => {
  const ops = [...(await opsByName()).values()];
  expect(strayVariants(ops)).toEqual([]);
  rmSync(join(copy, "kernels/linear/linear_bf16.sm100.cu"));
  cpSync(join(ROOT, "kernels/norm/rmsnorm.cu"), join(copy, "kernels/norm/rmsnorm.sm100.cu"));
  expect(strayVariants(ops, copy)).toEqual([
    "variant linear/linear_bf16.sm100: expected a kernel at kernels/linear/linear_bf16.sm100.cu, got no such file",
    "kernels/norm/rmsnorm.sm100.cu: expected the op to declare this variant, got no such declaration",
  ]);
});

test("the native addon lists the same ops", async (c) => {
  const native = await loadNative().catch((e: unknown) => {
    if (e instanceof ToolMissing) c.skip(e.message);
    throw e;
  });
  const addon = native.listOps().map((o) => `${o.family}/${o.name}`);
  expect(missing(inventory(), addon)).toEqual([]);
}, 600_000);

test.each(["kernels/norm/rmsnorm.cu", "oracle/norm/rmsnorm.ts", "oracle/norm/rmsnorm.tf.ts"])(
  "without %s the sentence names it",
  (path) => {
    rmSync(join(copy, path));
    const said = missing(inventory(copy), null);
    cpSync(join(ROOT, path), join(copy, path));
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(path);
    expect(said[0]).toContain("op norm/rmsnorm");
  },
);

test("without a declaration or a suite, and with an addon that is older", () => {
  for (const path of ["kernels/rope/rope.op.ts", "suites/rope/rope.suite.ts"]) {
    rmSync(join(copy, path));
    expect(missing(inventory(copy), null)[0]).toContain(path);
    cpSync(join(ROOT, path), join(copy, path));
  }
  const ids = inventory().declaration;
  expect(missing(inventory(), ids.slice(1))).toEqual([
    `op ${ids[0]}: expected the native addon to list it, got no such op`,
  ]);
});

test("every op's modules load, and an op whose decisions have consequences can replay them", async () => {
  for (const op of (await opsByName()).values()) {
    const e = await loadExact(op);
    await loadTf(op);
    const s = await loadSuite(op);
    expect(s.op).toBe(op);
    expect(s.cases.length).toBeGreaterThan(0);
    const kinds = Object.values(op.out).map((o) => o.judge.kind);
    // a fusion's decisions are judged where its part makes them
    if (!op.parts && kinds.includes("choice")) {
      expect(e.regret, `${op.name} exports regret`).toBeTypeOf("function");
      if (kinds.some((k) => k !== "choice"))
        expect(e.replay, `${op.name} exports replay`).toBeTypeOf("function");
    }
  }
});

test("a typing error finds its name", () => {
  expect(nearest("rmsnrom", ["rope", "rmsnorm", "swiglu"])).toBe("rmsnorm");
  expect(existsSync(copy)).toBe(true);
});
