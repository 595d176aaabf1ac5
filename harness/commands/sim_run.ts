/** `pnpm sim run`: any kernel's PTX on the virtual SM100 (or a cubin on a GPU). */
import type { CommandModule } from "yargs";
import { writeSafetensors } from "../../fixtures/safetensors.ts";
import { EXIT, UsageError } from "../exit.ts";
import { outputsOf } from "../launch_file.ts";
import { launchBuilder, launchOnce, type LaunchArgs } from "./sim_launch.ts";

interface RunArgs extends LaunchArgs {
  device: string;
  out?: string;
}

export const runCommand: CommandModule<object, RunArgs> = {
  command: "run <ptx>",
  describe: "Launch one kernel",
  builder: (y) =>
    launchBuilder(y)
      .option("device", { type: "string", default: "virtual", describe: "virtual, cuda:0 ..." })
      .option("out", { type: "string", describe: "Safetensors file for the buffers marked out" })
      .example("$0 sim run k.ptx --launch k.json --out k.safetensors", "launch and keep the outputs")
      .example("$0 sim run k.ptx --launch k.json --async random:7", "another order of completions and warps"),
  handler: async (a) => {
    try {
      const { file, outcome } = await launchOnce(a);
      const counts = Object.entries(outcome.counters).map(([k, v]) => `${k.replaceAll("_", " ")} ${v}`);
      process.stdout.write(
        `${[`${file.entry}: ${outcome.elapsed_ms.toFixed(2)} ms`, ...counts].join(", ")}\n`,
      );
      const outputs = outputsOf(file, outcome.buffers);
      if (a.out !== undefined) {
        writeSafetensors(a.out, outputs);
        process.stdout.write(`${a.out}: ${outputs.map((o) => o.name).join(", ")}\n`);
      }
    } catch (e) {
      if (e instanceof UsageError) throw e;
      process.stderr.write(`${e instanceof Error ? e.message : String(e)}\n`);
      process.exitCode = EXIT.error;
    }
  },
};
