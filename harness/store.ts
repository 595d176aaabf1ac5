/** The results file of a run: append-only lines, flushed record by record, so that whatever stops the run, what was known is kept. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { decode, encode, type Line, type Results, type RunHeader } from "./result.ts";

export const RESULTS = "results.jsonl";

/** Folder by folder: Node 20's recursive mkdir never returns where a parent (of /proc, say) answers ENOENT to every attempt. */
function makeFolders(dir: string): void {
  if (existsSync(dir)) return;
  makeFolders(dirname(dir));
  mkdirSync(dir);
}

export class Store {
  readonly dir: string;
  private readonly fd: number;
  private readonly lines: string[] = [];

  private constructor(dir: string, fd: number) {
    this.dir = dir;
    this.fd = fd;
  }

  /**
   * Opens `dir`. With `resume` an earlier run of the same identity goes on there; its finished units come back in `done`.
   * Throws one sentence when the folder cannot be written or the earlier run was another one.
   */
  static open(dir: string, header: RunHeader, resume: boolean): { store: Store; done: ReadonlySet<string> } {
    const path = join(dir, RESULTS);
    try {
      makeFolders(resolve(dir));
    } catch (e) {
      throw new StoreError(
        `--out ${dir}: expected a folder that can be written, got ${(e as Error).message}`,
        {
          cause: e,
        },
      );
    }
    let earlier: Results | null = null;
    let kept = "";
    if (resume) {
      if (!existsSync(path))
        throw new StoreError(`--resume: expected an earlier run in ${dir}, got no ${RESULTS}`);
      const text = readFileSync(path, "utf8");
      kept = text.slice(0, text.lastIndexOf("\n") + 1);
      earlier = decode(text, path);
      if (earlier.header.identity !== header.identity)
        throw new StoreError(
          `--resume: expected a run of the same plan and sources as ${header.identity}, got ${earlier.header.identity} in ${path}`,
        );
    }
    let fd: number;
    try {
      fd = openSync(path, resume ? "r+" : "w");
      if (resume) truncateSync(path, Buffer.byteLength(kept)); // a torn last line goes
    } catch (e) {
      throw new StoreError(
        `--out ${dir}: expected a folder that can be written, got ${(e as Error).message}`,
        {
          cause: e,
        },
      );
    }
    const store = new Store(dir, fd);
    if (earlier) {
      closeSync(fd);
      const again = new Store(dir, openSync(path, "a"));
      again.lines.push(...kept.split("\n").slice(0, -1));
      return { store: again, done: earlier.done };
    }
    store.append(header);
    return { store, done: new Set() };
  }

  /** Throws one sentence when the disk is full; the lines before stay whole. */
  append(r: Line): void {
    const line = encode(r);
    this.lines.push(line);
    try {
      const bytes = Buffer.from(`${line}\n`);
      for (let at = 0; at < bytes.length;) at += writeSync(this.fd, bytes, at);
    } catch (e) {
      this.lines.pop();
      throw new StoreError(
        `${join(this.dir, RESULTS)}: expected room for another row, got ${(e as Error).message}; rows before it are kept`,
      );
    }
  }

  /** Everything so far, as reports see it. */
  results(): Results {
    return decode(this.lines.map((l) => `${l}\n`).join(""), join(this.dir, RESULTS));
  }

  close(): void {
    try {
      fsyncSync(this.fd);
    } finally {
      closeSync(this.fd);
    }
  }
}

/** The results could not be written, or those of another run are in the way. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}
