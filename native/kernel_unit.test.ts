/** Kernels that nvcc compiles together: each one's PTX has what it needs of the whole, and nothing of the others. */
import { expect, test } from "vitest";
import { split, unitOf } from "./kernel_unit.ts";

const HEAD = ".version 9.0\n.target sm_100a\n.address_size 64\n";
const entry = (name: string, body: string): string =>
  `\t// .globl\t${name}\n.visible .entry ${name}(\n\t.param .u64 p\n)\n.maxntid 32\n{\n\t${body}\n\tret;\n\n}\n`;
const PTX = `//\n// Generated\n//\n\n${HEAD}
// _ZZ1aE1s has been demoted
.extern .shared .align 16 .b8 tiles[];
.global .align 4 .b8 table[8] = {1, 2, 3, 4, 5, 6, 7, 8};

${entry("a", ".loc\t1 2 3, function_name $L__info_string0, inlined_at 1 4 5\n\tmov.u64 %rd1, tiles;")}
${entry("a_cta_pair", "mov.u64 %rd1, tiles;")}
${entry("b", "ld.global.u32 %r1, [table+4];")}
\t.file\t1 "a.cu"
\t.section\t.debug_str
\t{
$L__info_string0:
.b8 65
.b8 0
$L__info_string1:
.b8 66
.b8 0

\t}
`;

test("each op has its entries, the variables that they name, and the names of what was inlined there", () => {
  const of = split(PTX, ["a", "b"]);
  const [a, b] = [of.get("a")!, of.get("b")!];
  for (const text of [a, b]) {
    expect(text.startsWith(HEAD)).toBe(true);
    expect(text).toContain('\t.file\t1 "a.cu"');
  }
  expect(a.match(/\.entry \w+/g)).toEqual([".entry a", ".entry a_cta_pair"]);
  expect(a).toContain("tiles[]");
  expect(a).not.toContain("table");
  expect(a).toContain("$L__info_string0:\n.b8 65\n.b8 0\n");
  expect(a).not.toContain("$L__info_string1");
  expect(b.match(/\.entry \w+/g)).toEqual([".entry b"]);
  expect(b).toContain("table[8] = {1");
  expect(b).not.toContain("debug_str");
});

test("an op without an entry, an entry without an op and a line of no known kind are errors", () => {
  expect(() => split(PTX, ["a", "b", "c"])).toThrow("kernel unit: expected an entry c, got a, a_cta_pair, b");
  expect(() => split(PTX, ["a"])).toThrow("kernel unit: expected an op for every entry, got none for b");
  expect(() => split(`${HEAD}.pragma "x";\n`, [])).toThrow(
    'kernel unit: expected entries, functions and variables in PTX, got ".pragma "x";"',
  );
});

test("what sources include stands in front once, and each is in a namespace of its own", () => {
  const source = '#pragma once\n#include "op.h"\n\n#include <cstdint>\nint x;\n';
  expect(unitOf(["k/a.cu", "k/b.cu"], () => source)).toBe(
    '#include "op.h"\n#include <cstdint>\nnamespace unit_0 {\n#include "k/a.cu"\n}\nnamespace unit_1 {\n#include "k/b.cu"\n}\n',
  );
});
