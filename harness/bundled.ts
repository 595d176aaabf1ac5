/** Whether this is a bundle (bundle.ts): compiled, with what was built beside it, and neither compilers nor history to be had. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface BundleInfo {
  /** Of the sources that it was made of. */
  readonly commit: string;
  readonly dirty: boolean;
}

/** At the root of a bundle. */
export const BUNDLE_FILE = "bundle.json";

const path = join(import.meta.dirname, "..", BUNDLE_FILE);

/** Null where the project runs from its sources. */
export const BUNDLED: BundleInfo | null = existsSync(path)
  ? (JSON.parse(readFileSync(path, "utf8")) as BundleInfo)
  : null;
