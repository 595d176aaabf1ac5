/** Where a run happens, recorded once in its header, and what makes two runs the same. */
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { arch, cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { BUNDLED } from "./bundled.ts";
import { ROOT } from "./discover.ts";
import type { RunHeader } from "./result.ts";

const git = (...args: string[]): string => {
  try {
    return execFileSync("git", args, { cwd: ROOT, stdio: ["ignore", "pipe", "ignore"] })
      .toString()
      .trim();
  } catch {
    return ""; // a source archive has no history
  }
};

export function environment(): RunHeader["environment"] {
  const pkg = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const d = pkg.dependencies;
  return {
    commit: BUNDLED ? BUNDLED.commit : git("rev-parse", "--short=12", "HEAD") || "unknown",
    dirty: BUNDLED ? BUNDLED.dirty : git("status", "--porcelain", "--untracked-files=no") !== "",
    node: process.version,
    os: `${type()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 1e9),
    versions: { tfjs: d["@tensorflow/tfjs"], tsx: d.tsx, zod: d.zod },
  };
}

/** Hash over the sources that decide rows (kernels, oracles, engine, bounds) and over `plan`. */
export function identityOf(plan: unknown): string {
  const h = createHash("sha1").update(JSON.stringify(plan));
  const visit = (dir: string): void => {
    for (const e of readdirSync(join(ROOT, dir), { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const path = `${dir}/${e.name}`;
      if (e.isDirectory()) visit(path);
      else if (/\.(ts|cu|cuh|h|cc)$/.test(e.name) && !e.name.endsWith(".test.ts")) {
        const s = statSync(join(ROOT, path));
        h.update(`${path} ${s.size} ${Math.floor(s.mtimeMs)}\n`);
      }
    }
  };
  // a bundle has native code as it was built, and says of what
  const native = BUNDLED ? [] : ["native"];
  for (const dir of ["kernels", "oracle", ...native, "harness", "suites", "fixtures"]) visit(dir);
  return h.digest("hex").slice(0, 16);
}
