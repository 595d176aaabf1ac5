/** Finds every declaration by file name, as a test runner finds tests: adding an op edits no list. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { OpDecl } from "./schema.ts";

const ROOT = import.meta.dirname;

/** Relative paths (`family/op`) of the files in `root` whose names end in `ending`, sorted. */
export function listByEnding(root: string, ending: string): string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((d) => d.isDirectory())
    .flatMap((d) =>
      readdirSync(join(root, d.name))
        .filter((f) => f.endsWith(ending))
        .map((f) => `${d.name}/${f.slice(0, -ending.length)}`),
    )
    .sort();
}

/** All declarations, sorted by family and name. Throws when a file does not export `op` or the name differs from the file's. */
export async function loadOps(): Promise<OpDecl[]> {
  const ops: OpDecl[] = [];
  for (const id of listByEnding(ROOT, ".op.ts")) {
    const mod = (await import(pathToFileURL(join(ROOT, `${id}.op.ts`)).href)) as { op?: OpDecl };
    if (!mod.op) throw new Error(`kernels/${id}.op.ts: expected an export named "op", got none`);
    if (`${mod.op.family}/${mod.op.name}` !== id)
      throw new Error(`kernels/${id}.op.ts: expected op ${id}, got ${mod.op.family}/${mod.op.name}`);
    ops.push(mod.op);
  }
  return ops;
}
