/** Exit codes: a caller learns from the number alone what kind of answer it got. */
import type { Status } from "./result.ts";

export const EXIT = {
  ok: 0,
  /** native differs from the faithful oracle */
  fail: 1,
  /** the command line or a file that it names */
  usage: 2,
  /** nothing was compared, or a check could not have failed */
  vacuous: 5,
  /** crash, trap, no device, or something unsupported */
  error: 6,
  /** the oracles disagree */
  split: 7,
  interrupted: 130,
} as const;

/** What the user gave is wrong: one sentence with the name, what was expected and what came; exit 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A wrong kernel outranks everything: other findings do not make it right. */
export function exitCode(counts: Partial<Record<Status, number>>): number {
  const n = (s: Status): number => counts[s] ?? 0;
  if (n("FAIL") + n("FLAKY") > 0) return EXIT.fail;
  if (n("ORACLE_SPLIT") > 0) return EXIT.split;
  if (n("ERROR") + n("UNSUPPORTED") > 0) return EXIT.error;
  if (n("VACUOUS") > 0 || n("PASS") === 0) return EXIT.vacuous;
  return EXIT.ok;
}
