/** What `sim run` and `sim profile` share: one launch of a launch file. */
import { existsSync } from "node:fs";
import type { Argv } from "yargs";
import { launchRequest, readLaunch, type LaunchFile } from "../launch_file.ts";
import { loadNative, type LaunchOutcome, type Native } from "../native.ts";
import { Progress } from "../progress.ts";
import { UsageError } from "../exit.ts";
import { virtualBuilder, virtualOptions, type VirtualArgs } from "../virtual_options.ts";

export interface LaunchArgs extends VirtualArgs {
  ptx: string;
  launch: string;
}

export const launchBuilder = (y: Argv): Argv<LaunchArgs> =>
  virtualBuilder(
    y
      .positional("ptx", {
        type: "string",
        demandOption: true,
        describe: "PTX text made for sm_100a (a cubin on cuda:N)",
      })
      .option("launch", {
        type: "string",
        demandOption: true,
        describe: "Launch file: entry, grid, block, params (JSON)",
      }),
  ) as unknown as Argv<LaunchArgs>;

export interface Launched {
  readonly native: Native;
  readonly file: LaunchFile;
  readonly outcome: LaunchOutcome;
}

/** Builds, launches once. Throws UsageError for what the user gave, Error for a fault of the kernel. */
export async function launchOnce(a: LaunchArgs & { device?: string }, profile = false): Promise<Launched> {
  if (!existsSync(a.ptx)) throw new UsageError(`ptx: expected a file, got "${a.ptx}"`);
  const options = virtualOptions(a, profile);
  const file = readLaunch(a.launch);
  const request = launchRequest(file, a.launch, a.ptx);
  const progress = new Progress(process.stderr);
  const native = await loadNative({
    kernels: "sm100",
    onProgress: (f, what) => progress.show(`build ${Math.round(100 * f)} % ${what}`),
  });
  progress.clear();
  native.virtual(options);
  const outcome = await native.launch({ ...request, ...(a.device !== undefined && { device: a.device }) });
  if (outcome.damage.length > 0) throw new Error(outcome.damage[0]);
  for (const lint of outcome.lints) process.stderr.write(`lint: ${lint}\n`);
  return { native, file, outcome };
}
