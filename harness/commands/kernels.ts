/** `pnpm kernels`: every kernel as ptxas assembled it for sm_100a. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandModule } from "yargs";
import { committed } from "../counts/figures.ts";
import { UsageError } from "../exit.ts";
import { kernelList, kernelTable } from "../kernel_list.ts";
import { BUILD, ensureNative } from "../native_build.ts";
import { Progress } from "../progress.ts";

interface KernelsArgs {
  op?: string;
  json?: string;
}

export const command: CommandModule<object, KernelsArgs> = {
  command: "kernels",
  describe: "List every kernel: variant, registers, spills, shared and tensor memory, MMA kinds, sizes",
  builder: (y) =>
    y
      .option("op", { type: "string", describe: "Only ops whose name contains this" })
      .option("json", { type: "string", describe: "Write one object a kernel here" })
      .example("$0 kernels --op linear", "the linears"),
  handler: async (a) => {
    const progress = new Progress(process.stderr);
    await ensureNative({
      also: ["cubins_sm100a"],
      onProgress: (f, what) => progress.show(`build ${Math.round(100 * f)} % ${what}`),
    });
    progress.clear();
    const { op = "" } = a;
    const counts = committed();
    const all = kernelList(join(BUILD, "kernels"), counts).filter((k) => k.op.includes(op));
    if (all.length === 0) throw new UsageError(`op: expected part of an op's name, got "${op}"`);
    process.stdout.write(`${kernelTable(all).join("\n")}\n`);
    const spilled = all.filter((k) => k.spill_bytes > 0);
    process.stdout.write(
      `${all.length} kernels for sm_100a; ${spilled.length === 0 ? "none spills" : `spilling: ${spilled.map((k) => `${k.op} (${k.variant})`).join(", ")}`}\n`,
    );
    if (counts !== null && all.some((k) => typeof k.tmem_columns === "object" && k.tmem_columns !== null))
      process.stdout.write(
        `TMEM cols a..b: computed from the shape; the least and most of ${counts.config}'s decode and prefill launches, counted ${counts.date} (bench:counts)\n`,
      );
    if (a.json !== undefined) writeFileSync(a.json, `${JSON.stringify(all, null, 1)}\n`);
  },
};
