/**
 * Compiles several kernels in one run of nvcc and writes each kernel's PTX as if it had been compiled alone: most of what nvcc takes for a
 * small kernel is CUDA's own headers. Run by `kernels.cmake`:
 *
 *   kernel_unit.ts UNIT.cu DEPFILE nvcc FLAG... -- OUT.ptx SOURCE.cu [OUT.ptx SOURCE.cu ...]
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** One translation unit of all sources, each in a namespace of its own; what they include stands in front, outside of any. */
export function unitOf(sources: readonly string[], read: (path: string) => string): string {
  const includes = new Set<string>();
  for (const source of sources)
    for (const [, quoted] of read(source).matchAll(/^#include (.*)$/gm)) {
      const beside = join(dirname(source), quoted.slice(1, -1));
      includes.add(`#include ${quoted.startsWith('"') && existsSync(beside) ? `"${beside}"` : quoted}`);
    }
  const spaces = sources.map((source, i) => `namespace unit_${i} {\n#include "${source}"\n}`);
  return `${[...includes, ...spaces].join("\n")}\n`;
}

interface Parts {
  /** By the name of the entry. */
  readonly entries: ReadonlyMap<string, string>;
  /** .version and its like, and functions that are not entries. */
  readonly common: readonly string[];
  /** Variables of the module. */
  readonly variables: readonly { readonly name: string; readonly text: string }[];
  readonly files: readonly string[];
  /** Names of inlined functions, by label. */
  readonly names: ReadonlyMap<string, string>;
}

function partsOf(ptx: string): Parts {
  const entries = new Map<string, string>();
  const [common, files]: [string[], string[]] = [[], []];
  const variables: { name: string; text: string }[] = [];
  const names = new Map<string, string>();
  const [code, strings = ""] = ptx.split(/^\t\.section\t\.debug_str$/m);
  const lines = code.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    const entry = /^\.visible \.entry (\w+)\(/.exec(line);
    if (entry || /^(\.\w+ )*\.func\b/.test(line)) {
      const end = lines.indexOf("}", i);
      const text = lines.slice(i, end + 1).join("\n");
      if (entry) entries.set(entry[1], text);
      else common.push(text);
      i = end;
    } else if (/^\t?\.file\t/.test(line)) files.push(line);
    else if (/^\.(version|target|address_size)/.test(line)) common.push(line);
    else if (/^\.(\w+ )*?\.?(shared|global|const)\b/.test(line)) {
      const name = /(\w+)(?:\[\d*\])*\s*(?:=.*)?;$/.exec(line);
      if (!name) throw new Error(`kernel unit: expected a variable of the module in one line, got "${line}"`);
      variables.push({ name: name[1], text: line });
    } else if (line.trim() !== "" && !/^\s*\/\//.test(line))
      throw new Error(`kernel unit: expected entries, functions and variables in PTX, got "${line}"`);
  }
  for (const [text, label] of strings.matchAll(/^(\$L__info_string\d+):\n(?:\.b8 \d+\n)+/gm))
    names.set(label, text);
  return { entries, common, variables, files, names };
}

/** The PTX of each op: its entry and, where it has one, its entry for pairs of CTAs. Throws when an op has none, or an entry no op. */
export function split(ptx: string, ops: readonly string[]): ReadonlyMap<string, string> {
  const p = partsOf(ptx);
  const left = new Set(p.entries.keys());
  const of = new Map<string, string>();
  for (const op of ops) {
    const own = [op, `${op}_cta_pair`].filter((e) => left.delete(e));
    if (own[0] !== op)
      throw new Error(`kernel unit: expected an entry ${op}, got ${[...p.entries.keys()].join(", ")}`);
    const code = [...p.common.slice(3), ...own.map((e) => p.entries.get(e))].join("\n\n");
    const words = new Set(code.match(/[\w$]+/g));
    const variables = p.variables.filter((v) => words.has(v.name)).map((v) => v.text);
    const names = [...p.names].filter(([label]) => words.has(label)).map(([, text]) => text);
    const section = names.length > 0 ? [`\t.section\t.debug_str\n\t{\n${names.join("")}\n\t}`] : [];
    of.set(op, [...p.common.slice(0, 3), "", ...variables, "", code, ...p.files, ...section, ""].join("\n"));
  }
  if (left.size > 0)
    throw new Error(`kernel unit: expected an op for every entry, got none for ${[...left].join(", ")}`);
  return of;
}

function main(args: readonly string[]): number {
  const [unit, depfile, nvcc, ...rest] = args;
  const at = rest.indexOf("--");
  const flags = rest.slice(0, at);
  const pairs = Array.from({ length: (rest.length - at - 1) / 2 }, (_, i) =>
    rest.slice(at + 1 + 2 * i, at + 3 + 2 * i),
  );
  const sources = pairs.map(([, source]) => source);
  writeFileSync(
    unit,
    unitOf(sources, (path) => readFileSync(path, "utf8")),
  );
  const made = `${unit}.ptx`;
  const run = spawnSync(
    nvcc,
    [...flags, "-ptx", "-MD", "-MF", depfile, "-MT", pairs[0][0], unit, "-o", made],
    { stdio: "inherit" },
  );
  if (run.status !== 0) return 1;
  const ops = sources.map((s) => basename(s).split(".")[0]);
  const ptx = split(readFileSync(made, "utf8"), ops);
  for (const [i, [out]] of pairs.entries()) {
    writeFileSync(`${out}.new`, ptx.get(ops[i])!);
    renameSync(`${out}.new`, out); // a process that loads the module at this moment has the old one or the new one
  }
  return 0;
}

if (process.argv[1] === import.meta.filename) process.exitCode = main(process.argv.slice(2));
