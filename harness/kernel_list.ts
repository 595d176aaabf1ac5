/** What the compiler made of each kernel: registers and spills as ptxas says, instructions and sizes as the files show. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Variant } from "../kernels/schema.ts";
import { kernelKey, type Counts } from "./counts/figures.ts";

export interface KernelInfo {
  readonly op: string;
  readonly variant: Variant;
  readonly registers: number;
  readonly spill_bytes: number;
  readonly stack_bytes: number;
  /** Shared memory fixed at compile time; what a launch adds follows from its shape. */
  readonly static_smem_bytes: number;
  /**
   * Tensor-memory columns, null without tensor memory. Where the kernel computes them: those that launches at the model's shapes took, each
   * with the scenarios of `bench:counts` that did; "by shape" where none was counted.
   */
  readonly tmem_columns: number | Readonly<Record<string, readonly string[]>> | "by shape" | null;
  /** Tensor-core instructions: `kind::mxf8f6f4`, `mma.sync bf16`. */
  readonly mma: readonly string[];
  /** Copies by the TMA unit: `tensor.2d`, `gather4`, `bulk`. */
  readonly tma: readonly string[];
  readonly ptx_bytes: number;
  readonly cubin_bytes: number;
}

const compiled = z.object({
  op: z.string(),
  registers: z.number(),
  stack_bytes: z.number(),
  spill_store_bytes: z.number(),
  spill_load_bytes: z.number(),
  static_smem_bytes: z.number(),
});

const unique = (found: Iterable<string>): string[] => [...new Set(found)].sort();

/** What a kernel's PTX shows of its use of tensor core, TMA and tensor memory. */
export function ptxFacts(
  ptx: string,
): Pick<KernelInfo, "mma" | "tma"> & { readonly tmem_columns: number | "by shape" | null } {
  const all = (re: RegExp, name: (m: RegExpMatchArray) => string): string[] =>
    [...ptx.matchAll(re)].map(name);
  const mma = [
    ...all(/\btcgen05\.mma[.\w:]*?\.(kind::\w+)/g, (m) => m[1]),
    // the types of D, A, B and C end the mnemonic
    ...all(/\bmma\.sync\.[.\w]*?\.(\w+)\.(\w+)\.(\w+)\.(\w+)[\s{]/g, (m) => `mma.sync ${m[2]}`),
    ...all(/\bwgmma\.mma_async\.[.\w]*?\.(\w+)\.(\w+)\.(\w+)\s/g, (m) => `wgmma ${m[2]}`),
  ];
  const tma = [
    ...all(/\bcp\.async\.bulk\.tensor\.(\dd)(?![.\w:]*gather4)/g, (m) => `tensor.${m[1]}`),
    ...all(/\bcp\.async\.bulk\.tensor\.[.\w:]*?tile::(gather4|scatter4)/g, (m) => m[1]),
    ...all(/\bcp\.async\.bulk\.(?!tensor|commit_group|wait_group|prefetch)/g, () => "bulk"),
  ];
  const columns = all(/\btcgen05\.alloc[.\w:]*\s+\[[^\]]+\],\s*([^;\s]+);/g, (m) => m[1]);
  const fixed = columns.map(Number);
  return {
    mma: unique(mma),
    tma: unique(tma),
    tmem_columns:
      columns.length === 0
        ? null
        : fixed.every(Number.isInteger)
          ? fixed.reduce((a, b) => a + b)
          : "by shape",
  };
}

/** Columns that launches of a kernel took, and in which scenarios; null when there was no launch. */
function columnsSeen(key: string, counts: Counts | null): Record<string, string[]> | null {
  const seen: Record<string, string[]> = {};
  for (const [scenario, sites] of Object.entries(counts?.scenarios ?? {}))
    for (const l of Object.values(sites).filter((x) => kernelKey(x) === key)) {
      const at = (seen[l.tmem] ??= []);
      if (!at.includes(scenario)) at.push(scenario);
    }
  return Object.keys(seen).length === 0 ? null : seen;
}

/**
 * Every kernel in `dir` that was assembled for sm_100a, by op, portable first. `counts`: what launches at the model's shapes took. Throws
 * when ptxas' record of one does not parse.
 */
export function kernelList(dir: string, counts: Counts | null = null): KernelInfo[] {
  const ending = ".sm_100a.json";
  return readdirSync(dir)
    .filter((f) => f.endsWith(ending))
    .map((f) => f.slice(0, -ending.length))
    .filter((module) => existsSync(join(dir, `${module}.ptx`)))
    .map((module): KernelInfo => {
      const c = compiled.parse(JSON.parse(readFileSync(join(dir, module + ending), "utf8")));
      const [op, variant = "portable"] = module.split(".");
      const facts = ptxFacts(readFileSync(join(dir, `${module}.ptx`), "utf8"));
      return {
        op,
        variant: variant as Variant,
        registers: c.registers,
        spill_bytes: c.spill_store_bytes + c.spill_load_bytes,
        stack_bytes: c.stack_bytes,
        static_smem_bytes: c.static_smem_bytes,
        ...facts,
        tmem_columns:
          (facts.tmem_columns === "by shape" && columnsSeen(kernelKey({ op, variant }), counts)) ||
          facts.tmem_columns,
        ptx_bytes: statSync(join(dir, `${module}.ptx`)).size,
        cubin_bytes: statSync(join(dir, `${module}.sm_100a.cubin`)).size,
      };
    })
    .sort((a, b) => (a.op === b.op ? (a.variant < b.variant ? -1 : 1) : a.op < b.op ? -1 : 1));
}

/** `64..512` of launches that were counted; keys of numbers are in order. */
function columns(c: KernelInfo["tmem_columns"]): string {
  if (c === null || typeof c !== "object") return String(c ?? "-");
  const seen = Object.keys(c);
  return seen.length === 1 ? seen[0] : `${seen[0]}..${seen.at(-1)}`;
}

const kb = (bytes: number): string => (bytes / 1024).toFixed(1);
const COLUMNS: readonly {
  readonly title: string;
  readonly left?: true;
  readonly of: (k: KernelInfo) => string;
}[] = [
  { title: "op", left: true, of: (k) => k.op },
  { title: "variant", left: true, of: (k) => k.variant },
  { title: "regs", of: (k) => String(k.registers) },
  { title: "spill B", of: (k) => String(k.spill_bytes) },
  { title: "stack B", of: (k) => String(k.stack_bytes) },
  { title: "smem B", of: (k) => String(k.static_smem_bytes) },
  { title: "TMEM cols", of: (k) => columns(k.tmem_columns) },
  { title: "PTX KB", of: (k) => kb(k.ptx_bytes) },
  { title: "cubin KB", of: (k) => kb(k.cubin_bytes) },
  { title: "MMA", left: true, of: (k) => k.mma.join(", ") || "-" },
  { title: "TMA", left: true, of: (k) => k.tma.join(", ") || "-" },
];

/** The list as lines of text. */
export function kernelTable(kernels: readonly KernelInfo[]): string[] {
  const cells = kernels.map((k) => COLUMNS.map((c) => c.of(k)));
  const widths = COLUMNS.map((c, i) => Math.max(c.title.length, ...cells.map((l) => l[i].length)));
  const line = (of: (i: number) => string): string =>
    COLUMNS.map((c, i) => (c.left ? of(i).padEnd(widths[i]) : of(i).padStart(widths[i])))
      .join("  ")
      .trimEnd();
  return [line((i) => COLUMNS[i].title), ...cells.map((l) => line((i) => l[i]))];
}
