/**
 * The project for a machine with a GPU and no Node: one JavaScript file, the addon, kernels as PTX (for the virtual device) and as machine
 * code for Hopper, and Node itself, in an archive. The command line is the same; `run.sh` beside the archive starts it.
 */
import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { build, type Plugin } from "esbuild";
import { BUNDLE_FILE, type BundleInfo } from "./bundled.ts";
import { environment } from "./environment.ts";
import { BUILD, ROOT } from "./native_build.ts";

/** Folders of sources. A bundle has them beside its script: files are found by their names, and what is found is in the script. */
const SOURCES = ["kernels", "oracle", "suites", "harness", "fixtures", "reports"];
const isSource = (path: string): boolean =>
  /\.(ts|json)$/.test(path) &&
  !/\.(test|faults)\.ts$/.test(path) &&
  !/^fixtures\/(golden|hw|isa|checkpoints)\//.test(path) &&
  // a bundle makes no bundle
  !/^harness\/(commands\/bundle_gpu|bundle)\.ts$/.test(path);

/** What is imported by a path that is made at run time. */
const isFound = (path: string): boolean =>
  /^harness\/commands\/\w+\.ts$/.test(path) ||
  /^kernels\/\w+\/\w+\.op\.ts$/.test(path) ||
  /^oracle\/\w+\/\w+(\.tf)?\.ts$/.test(path) ||
  /^suites\/\w+\/\w+\.suite\.ts$/.test(path);

const filesIn = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .map((f) => `${folder}/${f}`)
    .filter((f) => statSync(join(ROOT, f)).isFile())
    .sort();

/** Loaded only by what a bundle leaves out: tfjs oracles, pictures, builds. */
const ABSENT = /^(@tensorflow\/|canvas$|chartjs-node-canvas$|chart\.js$|cmake-js$)/;

/** Runs before everything in the script. */
const BANNER = `import { createRequire as bundleRequire } from "node:module";
import { fileURLToPath as bundlePath } from "node:url";
const require = bundleRequire(import.meta.url);
const bundleRoot = import.meta.dirname;
const bundleModules = new Map();
const bundleImport = (href) => {
  const path = bundlePath(href).slice(bundleRoot.length + 1);
  const load = bundleModules.get(path);
  if (!load) throw new Error(path + ": expected a module of this bundle, got none");
  return load();
};`;

/** Paths of a module are those that it would have in the project; imports by path look in the script. */
export function relocate(path: string, text: string): string {
  const at = (p: string): string => `(bundleRoot + ${JSON.stringify(`/${p}`)})`;
  return (
    text
      .replaceAll("import.meta.dirname", at(dirname(path)))
      .replaceAll("import.meta.filename", at(path))
      .replaceAll("import(pathToFileURL(", "bundleImport(pathToFileURL(")
      // a thread starts the script anew, which needs no TypeScript
      .replaceAll(
        'import.meta.resolve("tsx/esm/api")',
        '"data:text/javascript,export const register = () => undefined"',
      )
  );
}

const relocated: Plugin = {
  name: "relocated",
  setup(b) {
    b.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const inside = relative(ROOT, path);
      if (inside.startsWith("..") || inside.startsWith("node_modules")) return undefined;
      return { contents: relocate(inside, readFileSync(path, "utf8")), loader: "ts" };
    });
  },
};

const absent: Plugin = {
  name: "absent",
  setup(b) {
    b.onResolve({ filter: ABSENT }, ({ path }) => ({ path, namespace: "absent" }));
    b.onLoad({ filter: /.*/, namespace: "absent" }, ({ path }) => ({
      // CommonJS: it throws when something asks for it, not when the script starts
      contents: `module.exports; throw new Error(${JSON.stringify(`${path}: expected an installed package, got a bundle, which has none (--no-tf, --report none)`)});`,
    }));
  },
};

/** The whole project as one script. */
async function script(files: readonly string[], outfile: string): Promise<void> {
  const found = files.filter(isFound).map((f) => {
    const name = JSON.stringify(f);
    return `bundleModules.set(${name}, () => import(${JSON.stringify(`./${f}`)}));`;
  });
  const start = `await (isMainThread ? import("./harness/cli.ts") : import("./harness/opinions_thread.ts"));`;
  await build({
    stdin: {
      contents: [`import { isMainThread } from "node:worker_threads";`, ...found, start].join("\n"),
      resolveDir: ROOT,
      loader: "js",
    },
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    banner: { js: BANNER },
    plugins: [absent, relocated],
    logLevel: "silent",
  });
}

const NAME = "dsv4";

/** Unpacks on first use and starts the bundle's own Node. */
const RUN = `#!/bin/sh
# sh run.sh                     every suite's portable kernels on the first GPU, into results/
# sh run.sh verify --help       or any other command
set -e
here=$(cd "$(dirname "$0")" && pwd)
if [ ! -d "$here/${NAME}" ]; then
  mkdir "$here/${NAME}.$$"
  tar -xzf "$here/${NAME}.tar.gz" -C "$here/${NAME}.$$"
  mv "$here/${NAME}.$$" "$here/${NAME}"
fi
if [ $# -eq 0 ]; then
  set -- verify --op all --device cuda:0 --variant portable --no-tf --report none \\
    --out "$here/results" --outputs "$here/results/outputs.jsonl"
fi
exec "$here/${NAME}/node" "$here/${NAME}/${NAME}.mjs" "$@"
`;

/** What the archive holds, but Node: it runs on any. */
export async function stage(dir: string): Promise<void> {
  const files = SOURCES.flatMap(filesIn).filter(isSource);
  const kernels = readdirSync(join(BUILD, "kernels")).filter((f) => /\.ptx$|\.sm_90a\.cubin$/.test(f));
  const built = [...kernels.map((f) => `build/kernels/${f}`), "build/Release/dsv4.node"];
  for (const f of [...files, ...built, "package.json"]) {
    mkdirSync(dirname(join(dir, f)), { recursive: true });
    cpSync(join(ROOT, f), join(dir, f), { preserveTimestamps: true });
  }
  await script(files, join(dir, `${NAME}.mjs`));
  const { commit, dirty } = environment();
  writeFileSync(join(dir, BUNDLE_FILE), `${JSON.stringify({ commit, dirty } satisfies BundleInfo)}\n`);
}

/** Writes `run.sh` and the archive that it unpacks into `dir`, from what is built; returns their bytes. */
export async function makeBundle(dir: string): Promise<number> {
  mkdirSync(dir, { recursive: true });
  // what was unpacked of an earlier one is not this
  rmSync(join(dir, NAME), { recursive: true, force: true });
  const staged = mkdtempSync(join(tmpdir(), "dsv4-bundle-"));
  try {
    await stage(staged);
    execFileSync("strip", ["-o", join(staged, "node"), process.execPath]);
    const archive = join(dir, `${NAME}.tar.gz`);
    execFileSync("tar", ["-I", "gzip -9", "-cf", archive, "-C", staged, "."]);
    writeFileSync(join(dir, "run.sh"), RUN, { mode: 0o755 });
    return statSync(archive).size + RUN.length;
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}
