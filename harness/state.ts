/** The streams after the last finished layer, beside the rows, so that an interrupted run goes on where it stopped. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DType } from "../kernels/schema.ts";
import type { Tensor } from "../oracle/tensor.ts";
import { fromBytes } from "./call.ts";

const FILE = "streams.bin";
const CHAINS = ["native", "faithful", "ideal"] as const;

export interface Saved extends Readonly<Record<(typeof CHAINS)[number], Tensor | null>> {
  /** Whether the oracles are not one on a step before. */
  readonly split: boolean;
}

type Entry = { readonly dtype: DType; readonly shape: number[]; readonly bytes: number } | null;
interface Head {
  readonly layer: number;
  readonly split: boolean;
  readonly chains: Readonly<Record<(typeof CHAINS)[number], Entry>>;
}

const entryOf = (t: Tensor | null): Entry =>
  t && { dtype: t.dtype, shape: [...t.shape], bytes: t.data.byteLength };

/** Replaces the file as a whole: a half written one never has its name. */
export function saveState(dir: string, layer: number, s: Saved): void {
  const head: Head = {
    layer,
    split: s.split,
    chains: { native: entryOf(s.native), faithful: entryOf(s.faithful), ideal: entryOf(s.ideal) },
  };
  const text = Buffer.from(`${JSON.stringify(head)}\n`);
  const parts = CHAINS.flatMap((k) => {
    const t = s[k];
    return t ? [Buffer.from(t.data.buffer, t.data.byteOffset, t.data.byteLength)] : [];
  });
  writeFileSync(join(dir, `${FILE}.tmp`), Buffer.concat([text, ...parts]));
  renameSync(join(dir, `${FILE}.tmp`), join(dir, FILE));
}

/** Throws one sentence when the file is missing or belongs to another layer. */
export function loadState(dir: string, layer: number): Saved {
  const path = join(dir, FILE);
  if (!existsSync(path)) throw new Error(`--resume: expected ${path} from layer ${layer}, got no such file`);
  const all = readFileSync(path);
  const end = all.indexOf(10);
  const head = JSON.parse(all.subarray(0, end).toString()) as Head;
  if (head.layer !== layer)
    throw new Error(`${path}: expected the streams after layer ${layer}, got layer ${head.layer}`);
  let at = end + 1;
  const next = (e: Entry): Tensor | null => {
    if (!e) return null;
    const bytes = Uint8Array.from(all.subarray(at, (at += e.bytes)));
    return fromBytes(e.dtype, e.shape, bytes);
  };
  return {
    native: next(head.chains.native),
    faithful: next(head.chains.faithful),
    ideal: next(head.chains.ideal),
    split: head.split,
  };
}
