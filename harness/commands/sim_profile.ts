/** `pnpm sim profile`: what a launch did, counted; and the time a B200 would need at the least, modelled. */
import { writeFileSync } from "node:fs";
import type { CommandModule } from "yargs";
import { EXIT, UsageError } from "../exit.ts";
import { parseProfiles } from "../profile.ts";
import { profileTable } from "./profile_table.ts";
import { roofline } from "../roofline.ts";
import { launchBuilder, launchOnce, type LaunchArgs } from "./sim_launch.ts";

interface ProfileArgs extends LaunchArgs {
  json?: string;
}

export const profileCommand: CommandModule<object, ProfileArgs> = {
  command: "profile <ptx>",
  describe: "Count what one kernel does: instructions, bytes, MACs, waits, conflicts, a roofline model",
  builder: (y) =>
    launchBuilder(y)
      .option("json", { type: "string", describe: "Write the counts and the model here" })
      .example("$0 sim profile k.ptx --launch k.json --json k.profile.json", "table and JSON"),
  handler: async (a) => {
    try {
      const { native, file } = await launchOnce(a, true);
      const useful_macs = file.useful_macs ?? null;
      const profiles = parseProfiles(native.takeProfiles());
      for (const p of profiles) process.stdout.write(`${profileTable(p, useful_macs).join("\n")}\n`);
      if (a.json !== undefined) {
        const rows = profiles.map((p) => ({ ...p, useful_macs, model: roofline(p) }));
        writeFileSync(a.json, `${JSON.stringify(rows, null, 1)}\n`);
      }
    } catch (e) {
      if (e instanceof UsageError) throw e;
      process.stderr.write(`${e instanceof Error ? e.message : String(e)}\n`);
      process.exitCode = EXIT.error;
    }
  },
};
