/** `pnpm sim run`: any kernel's PTX on the virtual SM100 (or a cubin on a GPU). */
import { existsSync } from "node:fs";
import type { Argv, CommandModule } from "yargs";
import { writeSafetensors } from "../../fixtures/safetensors.ts";
import { EXIT, UsageError } from "../exit.ts";
import { launchArgs, outputsOf, readLaunch } from "../launch_file.ts";
import { loadNative } from "../native.ts";
import { Progress } from "../progress.ts";

interface RunArgs {
  ptx: string;
  launch: string;
  device: string;
  out?: string;
}

async function run(a: RunArgs): Promise<void> {
  if (!existsSync(a.ptx)) throw new UsageError(`ptx: expected a file, got "${a.ptx}"`);
  const l = readLaunch(a.launch);
  const args = launchArgs(l, a.launch);
  const progress = new Progress(process.stderr);
  const native = await loadNative({
    onProgress: (f, what) => progress.show(`build ${Math.round(100 * f)} % ${what}`),
  });
  progress.clear();
  try {
    const r = await native.launch({
      device: a.device,
      modulePath: a.ptx,
      entry: l.entry,
      grid: l.grid,
      block: l.block,
      smem: l.smem,
      args,
    });
    if (r.damage.length > 0) throw new Error(r.damage[0]);
    const counts = Object.entries(r.counters).map(([k, v]) => `${k.replaceAll("_", " ")} ${v}`);
    process.stdout.write(`${[`${l.entry}: ${r.elapsed_ms.toFixed(2)} ms`, ...counts].join(", ")}\n`);
    const outputs = outputsOf(l, r.buffers);
    if (a.out !== undefined) {
      writeSafetensors(a.out, outputs);
      process.stdout.write(`${a.out}: ${outputs.map((o) => o.name).join(", ")}\n`);
    }
  } catch (e) {
    process.stderr.write(`${e instanceof Error ? e.message : String(e)}\n`);
    process.exitCode = EXIT.error;
  }
}

const runCommand: CommandModule<object, RunArgs> = {
  command: "run <ptx>",
  describe: "Launch one kernel",
  builder: (y: Argv) =>
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
      })
      .option("device", { type: "string", default: "virtual", describe: "virtual, cuda:0 ..." })
      .option("out", { type: "string", describe: "Safetensors file for the buffers marked out" })
      .example(
        "$0 sim run k.ptx --launch k.json --out k.safetensors",
        "launch and keep the outputs",
      ) as Argv<RunArgs>,
  handler: run,
};

export const command: CommandModule = {
  command: "sim",
  describe: "Run kernels on the virtual SM100",
  builder: (y) => y.command(runCommand).demandCommand(1, "sim: expected run, got no command"),
  handler: () => undefined,
};
