/** Builds kernels and addon into `build/` when a source changed: generated headers, then CMake through cmake-js. */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { generate } from "../kernels/generate.ts";
import { BUNDLED } from "./bundled.ts";

export const ROOT = join(import.meta.dirname, "..");
export const BUILD = join(ROOT, "build");
/**
 * Targets that a verification does not need: cubins and registers for sm_100a and sm_90a, and of the virtual SM100 its tests, its
 * benchmark, its list of forms, and the CUDA libraries that programs run on.
 */
export type Extra =
  "cubins" | "cubins_sm100a" | "cubins_sm90a" | "sim_test" | "sim_bench" | "sim_coverage" | "sim_host";
type Target = "all" | "kernels_portable" | Extra;
const stampOf = (target: Target): string =>
  join(BUILD, target === "all" ? "native.stamp" : `${target}.stamp`);
const LOCK = join(BUILD, "native.lock");
export const BUILD_LOG = join(BUILD, "build.log");

export interface BuildOptions {
  /** `fraction` of this build that is done, and what is being made. */
  readonly onProgress?: (fraction: number, what: string) => void;
  /**
   * "sm100": without the portable kernels of ops that have one for SM100, which a fresh clone would wait for and the virtual device
   * seldom runs; `Native` makes them when a launch asks for one. Default: all.
   */
  readonly kernels?: "sm100" | "all";
  /** Made as well, where stale. */
  readonly also?: readonly Extra[];
}

/** A compiler or build tool is not installed: the user's to fix (exit code 2); the TypeScript parts need none of them. */
export class ToolMissing extends Error {
  override readonly name = "ToolMissing";
}

/** The compilers ran and refused; the message ends with the first lines of their errors. */
export class BuildFailed extends Error {
  override readonly name = "BuildFailed";
}

/** Path, size and mtime of everything that the build reads. */
function sourcesHash(): string {
  const h = createHash("sha256");
  const visit = (dir: string): void => {
    for (const e of readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(dir, e.name);
      if (e.isDirectory()) {
        visit(path);
      } else if (/\.(cu|cuh|h|cc|cpp|ts|txt|cmake|json)$/.test(e.name) && !e.name.endsWith(".test.ts")) {
        const s = statSync(path);
        h.update(`${path}\0${s.size}\0${s.mtimeMs}\n`);
      }
    }
  };
  visit(join(ROOT, "kernels"));
  visit(join(ROOT, "native"));
  h.update(readFileSync(join(ROOT, "package.json")));
  return h.digest("hex");
}

const stamped = (path: string, hash: string): boolean =>
  existsSync(path) && readFileSync(path, "utf8") === hash;

const upToDate = (hash: string, target: Target): boolean =>
  stamped(stampOf(target), hash) && (target !== "all" || existsSync(join(BUILD, "Release", "dsv4.node")));

/** Throws `ToolMissing` for the first tool that does not answer. `elsewhere`: where nvcc may be when it is not on PATH. */
export function requireTools(elsewhere: readonly string[] = ["/usr/local/cuda/bin/nvcc"]): void {
  const runs = (tool: string): boolean => spawnSync(tool, ["--version"], { stdio: "ignore" }).status === 0;
  const named = [process.env.CUDACXX, process.env.CUDA_PATH?.concat("/bin/nvcc")].filter(
    (t) => t !== undefined,
  );
  if (![...named, "nvcc", ...elsewhere].some(runs))
    throw new ToolMissing(
      "native build: expected nvcc of CUDA 13 on PATH, in CUDACXX or in /usr/local/cuda/bin, got none",
    );
  if (!runs("cmake")) throw new ToolMissing("native build: expected cmake >= 3.25 on PATH, got none");
  const cxx = process.env.CXX ?? "g++";
  if (!runs(cxx)) throw new ToolMissing(`native build: expected a C++20 compiler "${cxx}" on PATH, got none`);
}

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (e) {
    return (e as NodeJS.ErrnoException).code === "EPERM";
  }
};

/** Runs `work` while this process alone holds the lock; a lock whose process is gone is taken over. */
async function locked<T>(onProgress: BuildOptions["onProgress"], work: () => Promise<T>): Promise<T> {
  for (let told = false; ; told = true) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: "wx" });
      break;
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== "EEXIST") throw e;
      const owner = existsSync(LOCK) ? Number(readFileSync(LOCK, "utf8")) : 0;
      if (owner > 0 && !alive(owner)) rmSync(LOCK, { force: true });
      else {
        if (!told) onProgress?.(0, `waiting for the build of process ${owner}`);
        await sleep(100);
      }
    }
  }
  try {
    return await work();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

/** First error lines of a log: what a reader wants to see before opening the file. */
function firstErrors(log: string): string {
  const lines = log.split("\n");
  const at = lines.findIndex((l) => /\berror\b|undefined reference|fatal:/i.test(l));
  return lines
    .slice(at < 0 ? -12 : at, at < 0 ? undefined : at + 8)
    .join("\n")
    .trim();
}

function cmakeJs(args: readonly string[], onProgress: BuildOptions["onProgress"]): Promise<void> {
  const bin = createRequire(import.meta.url).resolve("cmake-js/bin/cmake-js");
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, ...args], { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    let log = "";
    const take = (chunk: Buffer): void => {
      const text = chunk.toString();
      log += text;
      appendFileSync(BUILD_LOG, text);
      // make says "[ 12%] what", ninja "[3/45] what"
      for (const m of text.matchAll(/\[\s*(\d+)(?:%|\/(\d+))\]\s*([^\n]*)/g))
        onProgress?.(Number(m[1]) / Number(m[2] ?? 100), m[3].trim());
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else
        reject(
          new BuildFailed(
            `native build: expected cmake-js to exit 0, got ${code}; log in ${BUILD_LOG}:\n${firstErrors(log)}`,
          ),
        );
    });
  });
}

/** Runs of CMake that make these targets: the first two in one, where both are stale. */
function together(stale: readonly Target[]): { name: string; targets: readonly Target[] }[] {
  const both: readonly Target[] = ["all", "kernels_portable"];
  if (!both.every((t) => stale.includes(t))) return stale.map((t) => ({ name: t, targets: [t] }));
  const rest = stale.filter((t) => !both.includes(t)).map((t) => ({ name: t as string, targets: [t] }));
  return [{ name: "complete", targets: both }, ...rest];
}

/**
 * Makes `build/Release/dsv4.node` and `build/kernels/` up to date and returns what happened. Nothing changed: a few milliseconds.
 * Processes that call it at the same time build once.
 */
export async function ensureNative(o: BuildOptions = {}): Promise<"built" | "unchanged"> {
  if (BUNDLED) return "unchanged";
  const targets: Target[] = ["all"];
  if (o.kernels !== "sm100") targets.push("kernels_portable");
  targets.push(...(o.also ?? []));
  const before = sourcesHash();
  if (targets.every((t) => upToDate(before, t))) return "unchanged";
  requireTools();
  mkdirSync(BUILD, { recursive: true });
  return locked(o.onProgress, async () => {
    const hash = sourcesHash();
    const stale = targets.filter((t) => !upToDate(hash, t));
    if (stale.length === 0) return "unchanged";
    writeFileSync(BUILD_LOG, "");
    o.onProgress?.(0, "generating headers");
    await generate(join(BUILD, "generated"));
    for (const made of together(stale)) {
      for (const target of made.targets) rmSync(stampOf(target), { force: true });
      const jobs = String(availableParallelism());
      const native = join(ROOT, "native");
      await cmakeJs(["build", "-d", native, "-O", BUILD, "-p", jobs, "-T", made.name], o.onProgress);
      for (const target of made.targets) writeFileSync(stampOf(target), hash);
    }
    return "built";
  });
}

if (process.argv[1] === import.meta.filename) {
  const done = await ensureNative({
    also: process.argv.includes("--cubins") ? ["cubins"] : [],
    onProgress: (f, what) => process.stdout.write(`${Math.round(100 * f)}% ${what}\n`),
  });
  process.stdout.write(`${done} in ${dirname(BUILD_LOG)}\n`);
}
