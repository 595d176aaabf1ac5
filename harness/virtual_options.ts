/** How the virtual SM100 runs: when asynchronous operations complete, in which order warps go, what is checked. Shared by the commands that launch. */
import type { Argv } from "yargs";
import { UsageError } from "./exit.ts";

export interface VirtualOptions {
  readonly async: "lazy" | "random" | "eager";
  /** Of random: when operations complete, and the order of warps and clusters. */
  readonly seed: number;
  /** Faults of order and of bytes never written. */
  readonly checks: boolean;
  /** Warp instructions a launch may run; 0: no limit. */
  readonly maxInstructions: number;
  /** Count what each launch does. */
  readonly profile: boolean;
}

export interface VirtualArgs {
  async: string;
  checks: boolean;
  maxInstructions: number;
}

export const virtualBuilder = <T>(y: Argv<T>): Argv<T & VirtualArgs> =>
  y
    .option("async", {
      type: "string",
      default: "lazy",
      describe: "When asynchronous operations complete: lazy, random:SEED (warps too), or eager (a lint)",
    })
    .option("checks", {
      type: "boolean",
      default: true,
      describe: "Report races, missing fences, bytes never written (--no-checks: faster)",
    })
    .option("max-instructions", {
      type: "number",
      default: 0,
      describe: "End a launch after so many warp instructions (0: never)",
    }) as unknown as Argv<T & VirtualArgs>;

/** Throws UsageError for a policy or limit that is none. */
export function virtualOptions(a: VirtualArgs, profile = false): VirtualOptions {
  const m = /^(?:(lazy)|(eager)|(random)(?::(\d+))?)$/u.exec(a.async);
  if (!m) throw new UsageError(`async: expected lazy, random:SEED or eager, got "${a.async}"`);
  if (!Number.isInteger(a.maxInstructions) || a.maxInstructions < 0)
    throw new UsageError(`max-instructions: expected an integer from 0, got "${a.maxInstructions}"`);
  return {
    async: (m[1] ?? m[2] ?? m[3]) as VirtualOptions["async"],
    seed: Number(m[4] ?? 0),
    checks: a.checks,
    maxInstructions: a.maxInstructions,
    profile,
  };
}
