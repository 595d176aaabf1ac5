import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { canonical, checkedForms, formStates, formTable, formTotals } from "./sim_forms.ts";

test("the order of modifiers does not matter, that of types does", () => {
  expect(canonical("cvt.rn.satfinite.relu.e4m3x2.f32")).toBe(canonical("cvt.rn.relu.satfinite.e4m3x2.f32"));
  expect(canonical("atom.global.v2.f32.add")).toBe(canonical("atom.global.v2.add.f32"));
  expect(canonical("cvt.rn.f16.bf16")).not.toBe(canonical("cvt.rn.bf16.f16"));
  expect(canonical("exit")).toBe("exit");
  expect(canonical("atom.relaxed.gpu.global.add.u32")).toBe(canonical("atom.global.add.u32"));
  expect(canonical("red.async.relaxed.cluster.add.u32")).not.toBe(canonical("red.async.add.u32"));
});

function fixtures(): string {
  const folder = mkdtempSync(join(tmpdir(), "forms-"));
  for (const d of ["hw/h200", "isa"]) mkdirSync(join(folder, d), { recursive: true });
  writeFileSync(join(folder, "hw/h200/integer.json"), JSON.stringify({ device: "H200", forms: ["add.s32"] }));
  writeFileSync(
    join(folder, "isa/checked.json"),
    JSON.stringify({
      document: ["add.s32", "add.sat.s32"],
      "NVIDIA headers": ["cvt.rn.satfinite.relu.e4m3x2.f32"],
    }),
  );
  return folder;
}
const form = (instruction: string, state: string, syntax: string, reason = ""): object => ({
  chapter: "9.7",
  target: "sm_100a",
  ptx: "9.0",
  syntax,
  instruction,
  state,
  reason,
});

test("a form is held against every source that names it", () => {
  const report = JSON.stringify([
    form("add.s32 %r0, %r1, %r2", "row", "add<|.sat>.s32 %r0, %r1, %r2"),
    form("@!%p0 add.sat.s32 %r0, %r1, %r2", "row", "add<|.sat>.s32 %r0, %r1, %r2"),
    form("cvt.rn.relu.satfinite.e4m3x2.f32 %h0, %r1, %r2", "row", "cvt"),
    form("tex.1d.v4.f32.s32 {%r0}, [%q1, {%r4}]", "trap", "tex", "textures do not exist"),
    form("frob.b32 %r0", "none", "frob"),
  ]);
  const states = formStates(report, checkedForms(fixtures()));
  expect(states.map((f) => f.checked)).toEqual([
    ["hardware", "document"],
    ["document"],
    ["NVIDIA headers"],
    [],
    [],
  ]);
  const table = formTable(states).join("\n");
  expect(table).toMatch(/row 2 +hardware 1, document +add<\|\.sat>\.s32/);
  expect(table).toContain("textures do not exist");
  expect(formTotals(states)).toBe(
    "5 forms: 3 executed, 1 refused with a reason, 1 unknown; held against hardware 1, NVIDIA headers 1, " +
      "public kernel 0, document 2; 0 executed forms have no test of their own",
  );
});

test("a broken file of vectors is named", () => {
  const folder = fixtures();
  writeFileSync(join(folder, "hw/h200/logic.json"), '{"forms": ["and.b32",]');
  expect(() => checkedForms(folder)).toThrow(/logic\.json: expected JSON with lists of forms/);
});
