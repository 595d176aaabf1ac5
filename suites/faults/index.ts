/** All faults, in the order in which they are injected: every `*.faults.ts` here exports its own. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Fault } from "../../harness/faults.ts";

const files = readdirSync(import.meta.dirname)
  .filter((f) => f.endsWith(".faults.ts"))
  .sort();

const lists = await Promise.all(
  files.map(async (f) => {
    const mod = (await import(pathToFileURL(join(import.meta.dirname, f)).href)) as {
      faults?: readonly Fault[];
    };
    if (!mod.faults) throw new Error(`suites/faults/${f}: expected an export "faults", got none`);
    return mod.faults;
  }),
);

export const faults: readonly Fault[] = lists.flat();
