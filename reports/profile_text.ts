/** Profiles as rows of text: the table of the terminal, and the cells that Markdown shares with it. */
import type { Results } from "../harness/result.ts";
import { si, sig } from "./format.ts";
import {
  CAVEAT,
  opProfiles,
  overUnavoidable,
  profiledMode,
  usefulShare,
  type OpProfile,
} from "./profiles.ts";

interface Column {
  readonly title: string;
  readonly of: (p: OpProfile) => string;
  readonly left?: true;
}

const percent = (x: number | null): string => (x === null ? "–" : `${(100 * x).toFixed(1)} %`);
const short = (n: number): string => si(n, 3);

export const PROFILE_COLUMNS: readonly Column[] = [
  { title: "op", of: (p) => p.op, left: true },
  { title: "launches", of: (p) => String(p.launches) },
  { title: "read B", of: (p) => short(p.read.unique) },
  { title: "loads B", of: (p) => short(p.read.total) },
  { title: "written B", of: (p) => short(p.written.unique) },
  { title: "stores B", of: (p) => short(p.written.total) },
  { title: "of needed", of: (p) => times(overUnavoidable(p)) },
  { title: "MACs", of: (p) => (p.macs === null ? "–" : short(p.macs.issued)) },
  { title: "useful", of: (p) => percent(usefulShare(p)) },
  { title: "conflicts", of: (p) => short(p.conflicts) },
  { title: "waits", of: (p) => short(p.waits) },
  { title: "smem B", of: (p) => short(p.shared) },
  { title: "regs", of: (p) => String(p.registers) },
  { title: "B200 µs", of: (p) => sig(Number(p.us.toPrecision(3))) },
  { title: "bound by", of: (p) => p.limit, left: true },
  { title: "share", of: (p) => percent(p.share) },
];

/** What the columns mean. */
export const PROFILE_LEGEND =
  "read, written: device memory, each byte once; loads, stores: as often as asked; of needed: read + written over what the op must move; MACs: of tensor cores; conflicts: extra wavefronts of shared memory; smem, regs: most of a launch";

const times = (x: number | null): string => (x === null ? "–" : `${sig(Number(x.toPrecision(3)))}x`);

/** The terminal's table; "" for a run without profiles. */
export function profileText(r: Results): string {
  const mode = profiledMode(r);
  if (mode === null) return "";
  const rows = opProfiles(r, mode).map((p) => PROFILE_COLUMNS.map((c) => c.of(p)));
  const lines = [PROFILE_COLUMNS.map((c) => c.title), ...rows];
  const widths = PROFILE_COLUMNS.map((_, i) => Math.max(...lines.map((l) => l[i].length)));
  const pad = (text: string, i: number): string =>
    PROFILE_COLUMNS[i].left ? text.padEnd(widths[i]) : text.padStart(widths[i]);
  return [
    `profile, ${mode}: a model, not a measurement`,
    ...lines.map((l) => l.map(pad).join("  ").trimEnd()),
    PROFILE_LEGEND,
    CAVEAT,
  ].join("\n");
}
