/** `pnpm sim`: the virtual SM100 by itself. */
import type { CommandModule } from "yargs";
import { benchCommand } from "./sim_bench.ts";
import { execCommand } from "./sim_exec.ts";
import { isaCommand } from "./sim_isa.ts";
import { profileCommand } from "./sim_profile.ts";
import { runCommand } from "./sim_run.ts";

export const command: CommandModule = {
  command: "sim",
  describe: "The virtual SM100: run kernels and programs on it, count what they do",
  builder: (y) =>
    y
      .command(runCommand)
      .command(execCommand)
      .command(profileCommand)
      .command(isaCommand)
      .command(benchCommand)
      .demandCommand(1, "sim: expected a command (sim --help lists them), got none"),
  handler: () => undefined,
};
