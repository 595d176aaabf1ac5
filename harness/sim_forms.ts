/** The forms of PTX instructions: what the virtual SM100 does with each, and what its answer was held against. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** Where an expectation came from; a form may have several. */
export const SOURCES = ["hardware", "NVIDIA headers", "public kernel", "document"] as const;
export type Source = (typeof SOURCES)[number];

const reported = z.object({
  chapter: z.string(),
  target: z.string(),
  ptx: z.string(),
  syntax: z.string(),
  instruction: z.string(),
  state: z.enum(["row", "trap", "none"]),
  reason: z.string(),
  scope: z.string().optional(),
  anchor: z.string().optional(),
});
export type Reported = z.infer<typeof reported>;

export interface FormState extends Reported {
  readonly form: string;
  readonly checked: readonly Source[];
}

const TYPE = /^(?:b|u|s|f|bf)\d+(?:x\d)?$|^(?:tf32|pred)$|^u?e\d+m\d+(?:x\d)?$|^s2f6x2$/;

/** Memory order, scope and cache: of an access they change who sees it when, not what it moves. */
const ORDER_OR_CACHE =
  /^(?:weak|volatile|relaxed|acquire|release|acq_rel|cta|cluster|gpu|sys|ca|cg|cs|lu|cv|wb|wt|L[12]::.*)$/;
const ACCESSES = new Set(["ld", "st", "atom", "red"]);

/** One spelling for what means the same: modifiers are sorted (types keep their places), those without effect on a value dropped. */
export function canonical(opcode: string): string {
  const [name, ...rest] = opcode.split(".");
  const plain = ACCESSES.has(name) && !rest.includes("async");
  const modifiers = rest
    .filter((t) => !TYPE.test(t) && !(plain && ORDER_OR_CACHE.test(t)))
    .map((t) => t.replace("shared::cta", "shared"))
    .sort();
  return [name, ...modifiers, ...rest.filter((t) => TYPE.test(t))].join(".");
}

const listed = z.object({ forms: z.array(z.string()) });
const byTests = z.record(z.string(), z.array(z.string()));

const jsonFiles = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((f) => f.endsWith(".json"))
        .map((f) => join(folder, f))
    : [];
/** A file of another make (a comma too many, say) is named, not skipped. */
function parse<T>(path: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (e) {
    throw new Error(
      `${path}: expected JSON with lists of forms, got ${(e as Error).message.split("\n")[0]}`,
      { cause: e },
    );
  }
}

/**
 * Canonical forms by source: `hw/` has a file a chapter of vectors recorded on hardware, `public/` one a public kernel that ran here,
 * `isa/checked.json` what the unit tests run (`sim_test --forms` makes it).
 */
export function checkedForms(fixtures: string): ReadonlyMap<Source, ReadonlySet<string>> {
  const sets = new Map<Source, Set<string>>(SOURCES.map((s) => [s, new Set()]));
  const add = (source: Source, forms: readonly string[]): void =>
    forms.forEach((f) => sets.get(source)?.add(canonical(f)));
  for (const path of jsonFiles(join(fixtures, "hw"))) add("hardware", parse(path, listed).forms);
  for (const path of jsonFiles(join(fixtures, "public"))) add("public kernel", parse(path, listed).forms);
  for (const [source, forms] of Object.entries(parse(join(fixtures, "isa", "checked.json"), byTests))) {
    const known = SOURCES.find((s) => s === source);
    if (known === undefined)
      throw new Error(`checked.json: expected one of ${SOURCES.join(", ")}, got ${source}`);
    add(known, forms);
  }
  return sets;
}

export function formStates(
  report: string,
  checked: ReadonlyMap<Source, ReadonlySet<string>>,
): readonly FormState[] {
  return z
    .array(reported)
    .parse(JSON.parse(report))
    .map((r) => {
      const form = r.instruction.replace(/^@\S+ /, "").split(" ")[0]; // behind a guard
      const key = canonical(form);
      return { ...r, form, checked: SOURCES.filter((s) => checked.get(s)?.has(key)) };
    });
}

/** One line a syntax: how many of its forms are executed, refused or unknown, what they were held against, and why not. */
export function formTable(forms: readonly FormState[]): readonly string[] {
  const lines: string[] = [];
  const by = new Map<string, FormState[]>();
  for (const f of forms) {
    const key = `${f.chapter}\0${f.target}\0${f.syntax}`;
    by.set(key, [...(by.get(key) ?? []), f]);
  }
  let chapter = "";
  for (const group of by.values()) {
    const [first] = group;
    if (first.chapter !== chapter) lines.push("", (chapter = first.chapter));
    const of = (state: FormState["state"]): FormState[] => group.filter((f) => f.state === state);
    const counts = (["row", "trap", "none"] as const)
      .filter((s) => of(s).length > 0)
      .map((s) => `${s} ${of(s).length}`);
    const held = SOURCES.map((s) => [s, group.filter((f) => f.checked.includes(s)).length] as const)
      .filter(([, n]) => n > 0)
      .map(([s, n]) => (n === group.length ? s : `${s} ${n}`));
    const target = first.target === "sm_100a" ? "" : ` (${first.target})`;
    const reasons = [...new Set(group.map((f) => f.reason).filter((r) => r !== ""))];
    lines.push(
      `  ${counts.join(", ").padEnd(9)} ${(held.join(", ") || "-").padEnd(32)} ${first.syntax.split(" ")[0]}${target}`,
    );
    for (const r of reasons) lines.push(`            ${r}`);
  }
  return lines;
}

export function formTotals(forms: readonly FormState[]): string {
  const n = (f: (x: FormState) => boolean): number => forms.filter(f).length;
  const held = SOURCES.map((s) => `${s} ${n((f) => f.checked.includes(s))}`).join(", ");
  const unheld = n((f) => f.state === "row" && f.checked.length === 0);
  return (
    `${forms.length} forms: ${n((f) => f.state === "row")} executed, ${n((f) => f.state === "trap")} refused with a reason, ` +
    `${n((f) => f.state === "none")} unknown; held against ${held}; ${unheld} executed forms have no test of their own`
  );
}
