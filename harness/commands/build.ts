/** `pnpm build`: kernels and addon, where a source changed. */
import type { CommandModule } from "yargs";

export const command: CommandModule<object, { cubins: boolean }> = {
  command: "build",
  describe: "Compile kernels and the native addon where sources changed",
  builder: (y) =>
    y
      .option("cubins", {
        type: "boolean",
        default: false,
        describe: "Also cubins for sm_100a and sm_90a, with registers and spills recorded",
      })
      .example("$0 build", "PTX and the addon"),
  handler: async (a) => {
    const { ensureNative } = await import("../native_build.ts");
    const { Progress } = await import("../progress.ts");
    const progress = new Progress(process.stderr);
    const what = await ensureNative({
      also: a.cubins ? ["cubins"] : [],
      onProgress: (f, s) => progress.show(`build ${Math.round(100 * f)} % ${s}`),
    });
    progress.clear();
    process.stdout.write(`${what}\n`);
  },
};
