/** `pnpm bundle:gpu`: a folder that runs the suites on a Hopper GPU where there is no Node. */
import { join, resolve } from "node:path";
import type { CommandModule } from "yargs";
import { makeBundle } from "../bundle.ts";
import { BUILD, ensureNative } from "../native_build.ts";
import { Progress } from "../progress.ts";

export const command: CommandModule<object, { out: string }> = {
  command: "bundle-gpu",
  describe:
    "Make a folder that runs the suites on a Hopper GPU (sm_90a) where there is no Node and no compiler",
  builder: (y) =>
    y
      .option("out", {
        type: "string",
        default: join(BUILD, "gpu"),
        describe: "The folder of run.sh and its archive",
      })
      .example("$0 bundle-gpu", "then, on the machine with the GPU: sh build/gpu/run.sh")
      .epilogue(
        "It runs what verify runs, and takes its arguments; results/outputs.jsonl is for agree.",
      ) as never,
  handler: async (a) => {
    const progress = new Progress(process.stderr);
    await ensureNative({
      also: ["cubins_sm90a"],
      onProgress: (f, what) => progress.show(`build ${Math.round(100 * f)} % ${what}`),
    });
    progress.show("bundling");
    const bytes = await makeBundle(resolve(a.out));
    progress.clear();
    process.stdout.write(
      `${a.out}: ${(bytes / 2 ** 20).toFixed(1)} MiB\nthere: sh run.sh; here, of what it gave: pnpm agree results/outputs.jsonl\n`,
    );
  },
};
