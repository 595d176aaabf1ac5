/**
 * A copy of the project that may be broken: tracked files, what was built from them, and a way to run commands in it. On Linux the
 * copy is mounted over the project's own path for the command alone, so that build files with absolute paths stay valid and one
 * changed file costs one compiler call. Where that is not allowed the copy is built from nothing, once.
 */
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const cp = (...args: string[]): void => {
  execFileSync("cp", ["-a", ...args]);
};

/** May this user mount in a namespace of its own? */
const canMount = (): boolean =>
  spawnSync("unshare", ["-rm", "sh", "-c", "mount --bind /tmp /mnt"], { stdio: "ignore" }).status === 0;

export interface Finished {
  /** Null when it was stopped after `timeout_s`. */
  readonly code: number | null;
  readonly text: string;
}

export class Scratch {
  readonly dir: string;
  private readonly root: string;
  private readonly mounted = canMount();
  private readonly kept = new Map<string, string>();
  private running: ChildProcess | null = null;

  /** Copies the project at `root` to `dir`, which must not exist. */
  constructor(root: string, dir: string) {
    this.root = root;
    this.dir = dir;
    mkdirSync(join(dir, "tree"), { recursive: true });
    const listed = execFileSync("git", ["ls-files", "-z", "-co", "--exclude-standard"], { cwd: root });
    const files = listed
      .toString()
      .split("\0")
      .filter((f) => f !== "" && existsSync(join(root, f)));
    for (let i = 0; i < files.length; i += 500)
      execFileSync("cp", ["-a", "--parents", "-t", join(dir, "tree"), ...files.slice(i, i + 500)], {
        cwd: root,
      });
    if (this.mounted) {
      mkdirSync(join(dir, "tree", "node_modules"));
      cp(join(root, "build"), join(dir, "clean"));
      cp(join(dir, "clean"), join(dir, "tree", "build"));
    } else symlinkSync(join(root, "node_modules"), join(dir, "tree", "node_modules"));
  }

  path(file: string): string {
    return join(this.dir, "tree", file);
  }

  /** Takes what is built now as what `restore` brings back. */
  settle(): void {
    rmSync(join(this.dir, "clean"), { recursive: true, force: true });
    cp(this.path("build"), join(this.dir, "clean"));
  }

  /** Changes `find`, which must occur once. Throws one sentence otherwise. */
  change(file: string, find: string, replace: string): void {
    const text = readFileSync(this.path(file), "utf8");
    const n = text.split(find).length - 1;
    if (n !== 1) throw new Error(`${file}: expected ${JSON.stringify(find)} once, got it ${n} times`);
    const kept = join(this.dir, `kept.${this.kept.size}`);
    renameSync(this.path(file), kept);
    this.kept.set(file, kept);
    writeFileSync(
      this.path(file),
      text.replace(find, () => replace),
    );
  }

  /** Undoes every change, in sources (with their times) and in what was built. */
  restore(): void {
    for (const [file, kept] of this.kept) renameSync(kept, this.path(file));
    this.kept.clear();
    rmSync(this.path("build"), { recursive: true, force: true });
    cp(join(this.dir, "clean"), this.path("build"));
  }

  /** Runs node in the copy. */
  node(args: readonly string[], timeout_s: number): Promise<Finished> {
    const plain = [process.execPath, ...args];
    // node_modules first: once the copy covers the project, the project's own cannot be reached
    const mount = 'mount --bind "$1/node_modules" "$2/node_modules" && mount --rbind "$2" "$1" && cd "$1"';
    const view = ["unshare", "-rm", "sh", "-c", `${mount} && shift 2 && exec "$@"`, "sh", this.root];
    const [command, ...rest] = this.mounted ? [...view, join(this.dir, "tree"), ...plain] : plain;
    return new Promise((resolve, reject) => {
      const child = spawn(command, rest, { cwd: join(this.dir, "tree"), detached: true });
      this.running = child;
      let text = "";
      const take = (chunk: Buffer): void => {
        text += chunk.toString();
      };
      child.stdout.on("data", take);
      child.stderr.on("data", take);
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        this.stop();
      }, 1e3 * timeout_s);
      child.on("error", reject);
      child.on("close", (code) => {
        clearTimeout(timer);
        this.running = null;
        resolve({ code: late ? null : code, text });
      });
    });
  }

  /** Ends the command that runs here, with the compilers that it started. */
  stop(): void {
    if (this.running?.pid !== undefined) process.kill(-this.running.pid, "SIGKILL");
  }
}
