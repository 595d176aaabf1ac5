/**
 * Finds an op's files by name, as a test runner finds tests: declaration, kernel, exact oracle, tfjs oracle, suite. Nothing here or
 * behind it knows an op by name, so a new op is five new files and no edit.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { listByEnding, loadOps } from "../kernels/registry.ts";
import type { OpDecl, PartDecl } from "../kernels/schema.ts";
import { composed } from "../oracle/fusion.ts";
import type { Bound, Exact, In, Out, Regret, Replay, Tf } from "../oracle/op.ts";
import type { Suite } from "./suite.ts";

export const ROOT = join(import.meta.dirname, "..");

export interface ExactOracle {
  readonly exact: Exact<OpDecl>;
  readonly regret?: Regret<OpDecl>;
  readonly replay?: Replay<OpDecl>;
}

const cache = new Map<string, Promise<unknown>>();

/** Imports a file of the project once. Throws one sentence when it is missing or lacks the export. */
async function load<T>(op: OpDecl, path: string, wanted: string): Promise<T> {
  const file = join(ROOT, path);
  if (!existsSync(file)) throw new Error(`op ${op.name}: expected ${path}, got no such file`);
  if (!cache.has(file)) cache.set(file, import(pathToFileURL(file).href));
  const mod = (await cache.get(file)) as Record<string, unknown>;
  if (mod[wanted] === undefined) throw new Error(`${path}: expected an export "${wanted}", got none`);
  return mod as T;
}

/** The op's oracle; of a fusion those of its parts in turn. */
export async function loadExact(op: OpDecl): Promise<ExactOracle> {
  if (!op.parts) return load<ExactOracle>(op, `oracle/${op.family}/${op.name}.ts`, "exact");
  const of = await oraclesOf(op, loadExact);
  return {
    exact: (t, s, r) =>
      composed(op, t, s, (part, c) =>
        of.get(part)!.exact(c.t as In<OpDecl>, c.s as Bound<OpDecl>, r),
      ) as Out<OpDecl>,
  };
}

export async function loadTf(op: OpDecl): Promise<Tf<OpDecl>> {
  if (!op.parts) return (await load<{ tf: Tf<OpDecl> }>(op, `oracle/${op.family}/${op.name}.tf.ts`, "tf")).tf;
  const of = await oraclesOf(op, loadTf);
  return (t, s, simulate) =>
    composed(op, t, s, (part, c) =>
      of.get(part)!(c.t as In<OpDecl>, c.s as Bound<OpDecl>, simulate),
    ) as Out<OpDecl>;
}

async function oraclesOf<T>(op: OpDecl, oracle: (op: OpDecl) => Promise<T>): Promise<Map<PartDecl, T>> {
  return new Map(await Promise.all(op.parts!.map(async (p) => [p, await oracle(p.op)] as const)));
}

export const loadSuite = async (op: OpDecl): Promise<Suite> =>
  (await load<{ default: Suite }>(op, `suites/${op.family}/${op.name}.suite.ts`, "default")).default;

/** Every declaration, by name. */
export async function opsByName(): Promise<Map<string, OpDecl>> {
  return new Map((await loadOps()).map((op) => [op.name, op]));
}

/** The name in `names` that is fewest edits away from `typed`. */
export function nearest(typed: string, names: Iterable<string>): string {
  let [best, least] = ["", Infinity];
  for (const name of names) {
    const d = edits(typed, name);
    if (d < least) [best, least] = [name, d];
  }
  return best;
}

/** Levenshtein distance. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}

/** Folders of `root` that may hold an op's file: families, not shared code. */
const families = (root: string): Set<string> =>
  new Set(
    existsSync(root)
      ? readdirSync(root, { withFileTypes: true })
          .filter((d) => d.isDirectory())
          .map((d) => d.name)
      : [],
  );

/** `family/op` of each kind of file below `root` (the project, or a copy of it). */
export function inventory(root: string = ROOT): Record<string, string[]> {
  const decls = listByEnding(join(root, "kernels"), ".op.ts");
  const family = new Set(decls.map((id) => id.split("/")[0]));
  const files = (folder: string, ending: string, but?: RegExp): string[] =>
    families(join(root, folder)).size === 0
      ? []
      : listByEnding(join(root, folder), ending).filter((id) => !but?.test(id) && !id.endsWith(".test"));
  const within = (ids: string[]): string[] => ids.filter((id) => family.has(id.split("/")[0]));
  return {
    declaration: decls,
    // files beside an op's own (shared tiles, helpers of a family) belong to no op
    kernel: within(files("kernels", ".cu", /\.sm\d+$/)),
    "exact oracle": within(files("oracle", ".ts", /\.(tf|test)$/)),
    "tfjs oracle": within(files("oracle", ".tf.ts")),
    suite: within(files("suites", ".suite.ts")),
  };
}

const PATHS: Record<string, (id: string) => string> = {
  declaration: (id) => `kernels/${id}.op.ts`,
  kernel: (id) => `kernels/${id}.cu`,
  "exact oracle": (id) => `oracle/${id}.ts`,
  "tfjs oracle": (id) => `oracle/${id}.tf.ts`,
  suite: (id) => `suites/${id}.suite.ts`,
};

/**
 * One sentence for each op that one of the sets lacks. `addon` is what the native addon lists (null when it is not built). An exact
 * oracle without a declaration is a family's helper and no op; the other kinds have a name of their own and must belong to one. What is
 * below `fused` has the oracles of its parts.
 */
export function missing(sets: Record<string, string[]>, addon: readonly string[] | null): string[] {
  const all = addon === null ? sets : { ...sets, addon: [...addon] };
  const ids = new Set(Object.entries(all).flatMap(([kind, list]) => (kind === "exact oracle" ? [] : list)));
  return [...ids].sort().flatMap((id) =>
    Object.entries(all)
      .filter(([kind, list]) => !list.includes(id) && !(id.startsWith("fused/") && kind.endsWith("oracle")))
      .map(([kind]) =>
        kind === "addon"
          ? `op ${id}: expected the native addon to list it, got no such op`
          : `op ${id}: expected a ${kind} at ${PATHS[kind](id)}, got no such file`,
      ),
  );
}

/** One sentence for each variant that has a declaration and no kernel, or a kernel and no declaration. */
export function strayVariants(ops: readonly OpDecl[], root: string = ROOT): string[] {
  const declared = ops.flatMap((op) =>
    Object.keys(op.variants ?? {}).map((v) => `${op.family}/${op.name}.${v}`),
  );
  const kernels = listByEnding(join(root, "kernels"), ".cu").filter((id) => /\.sm\d+$/.test(id));
  return [
    ...declared
      .filter((id) => !kernels.includes(id))
      .map((id) => `variant ${id}: expected a kernel at kernels/${id}.cu, got no such file`),
    ...kernels
      .filter((id) => !declared.includes(id))
      .map((id) => `kernels/${id}.cu: expected the op to declare this variant, got no such declaration`),
  ];
}
