/** `pnpm sim exec -- ./program args`: an unmodified CUDA program (nvcc -cudart shared, PTX for sm_100a embedded) on the virtual SM100. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { delimiter, join } from "node:path";
import type { CommandModule } from "yargs";
import { UsageError } from "../exit.ts";
import { BUILD, ensureNative } from "../native_build.ts";
import { Progress } from "../progress.ts";

interface ExecArgs {
  program?: string;
  args?: (string | number)[];
  "--"?: (string | number)[];
  async?: string;
  "max-instructions"?: number;
  checks: boolean;
  profile?: string;
}

/** Where the build puts libcuda.so.1 and libcudart.so.13. */
export const HOST_LIBRARIES = join(BUILD, "sim", "host", "lib");

/** The environment that makes a program's CUDA libraries these, and carries the options to them (virtual_driver.h reads it). */
export function execEnvironment(
  a: Pick<ExecArgs, "async" | "max-instructions" | "checks" | "profile">,
): NodeJS.ProcessEnv {
  const path = process.env.LD_LIBRARY_PATH;
  const preload = process.env.LD_PRELOAD;
  // a program with an RPATH of its own finds that first, so the libraries are loaded before it looks
  const own = ["libcuda.so.1", "libcudart.so.13"].map((f) => join(HOST_LIBRARIES, f));
  return {
    ...process.env,
    LD_LIBRARY_PATH: [HOST_LIBRARIES, ...(path ? [path] : [])].join(delimiter),
    LD_PRELOAD: [...own, ...(preload ? [preload] : [])].join(" "),
    ...(a.async === undefined ? {} : { DSV4_SIM_ASYNC: a.async }),
    ...(a["max-instructions"] === undefined
      ? {}
      : { DSV4_SIM_MAX_INSTRUCTIONS: String(a["max-instructions"]) }),
    ...(a.checks ? {} : { DSV4_SIM_CHECKS: "0" }),
    ...(a.profile === undefined ? {} : { DSV4_SIM_PROFILE: a.profile }),
  };
}

/** Exit code of the program, or 128 + signal as a shell says it. */
function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit", env });
    const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
    process.on("SIGINT", pass).on("SIGTERM", pass);
    child.on("error", (e: NodeJS.ErrnoException) =>
      reject(
        new UsageError(
          `sim exec: expected a program that can be run, got "${program}" (${e.code ?? e.message})`,
          { cause: e },
        ),
      ),
    );
    child.on("close", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

export const execCommand: CommandModule<object, ExecArgs> = {
  command: "exec [program] [args..]",
  describe: "Run a CUDA program as if this were a B200",
  builder: (y) =>
    y
      .parserConfiguration({ "populate--": true })
      .positional("program", {
        type: "string",
        describe: "built by nvcc -cudart shared with PTX for sm_100a in it",
      })
      .positional("args", { array: true, describe: "its arguments (after --, dashes are its own)" })
      .option("async", {
        type: "string",
        describe: "when asynchronous operations complete: lazy, random:SEED, eager",
      })
      .option("max-instructions", { type: "number", describe: "warp instructions a launch may take" })
      .option("checks", {
        type: "boolean",
        default: true,
        describe: "look for reads of unwritten memory and missing order",
      })
      .option("profile", { type: "string", describe: "JSON file for the counts of all launches" })
      .example("$0 sim exec -- ./vector_add 1000", "the program's output and exit code are its own") as never,
  handler: async (a) => {
    const words = [...(a.program === undefined ? [] : [a.program]), ...(a.args ?? []), ...(a["--"] ?? [])];
    const [program, ...args] = words.map(String);
    if (program === undefined) throw new UsageError("sim exec: expected a program after --, got nothing");
    const progress = new Progress(process.stderr);
    await ensureNative({
      also: ["sim_host"],
      onProgress: (f, what) => progress.show(`build ${Math.round(100 * f)} % ${what}`),
    });
    progress.clear();
    process.exitCode = await run(program, args, execEnvironment(a));
  },
};
