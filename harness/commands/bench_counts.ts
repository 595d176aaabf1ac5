/** `pnpm bench:counts`: what the kernels do at the model's own shapes, counted and held against limits and the figures committed last. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandModule } from "yargs";
import { configNames } from "../../fixtures/configs.ts";
import {
  brokenLimits,
  changes,
  COMMITTED,
  committed,
  countsJson,
  kernelsOf,
  type Counts,
} from "../counts/figures.ts";
import { countAll } from "../counts/scenarios.ts";
import { markdown, text } from "../counts/table.ts";
import { opsByName } from "../discover.ts";
import { EXIT, UsageError } from "../exit.ts";
import { kernelList } from "../kernel_list.ts";
import { openNative } from "../native.ts";
import { BUILD, ensureNative } from "../native_build.ts";
import { RUNS } from "../plan.ts";
import { Progress } from "../progress.ts";

interface CountsArgs {
  config: string;
  context: number;
  tokens: string;
  out: string;
  save: boolean;
}

/** `1,8,128`, each no longer than the text. Throws UsageError. */
function parseTokens(list: string, context: number): number[] {
  return list.split(",").map((word) => {
    const n = Number(word);
    if (!Number.isInteger(n) || n < 1 || n > context)
      throw new UsageError(`tokens: expected integers in 1..${context} with commas between, got "${list}"`);
    return n;
  });
}

export const command: CommandModule<object, CountsArgs> = {
  command: "bench-counts",
  describe:
    "Count what the kernels do at the model's shapes: bytes, MACs, registers, a modelled B200 time by op",
  builder: (y) =>
    y
      .option("config", {
        type: "string",
        default: "pro",
        describe: "Model configuration: mini, pro or flash",
      })
      .option("context", { type: "number", default: 16384, describe: "Tokens of the text" })
      .option("tokens", { type: "string", default: "1,8,128", describe: "Tokens of each call" })
      .option("out", {
        type: "string",
        default: join(RUNS, "counts"),
        describe: "Folder of counts.json and counts.md",
      })
      .option("save", {
        type: "boolean",
        default: false,
        describe: "Make these the committed figures (harness/counts/committed.json)",
      })
      .example("$0 bench-counts", "decode and prefill of pro beside the committed figures")
      .epilogue("Exit codes: 0 every limit holds, 1 one is broken, 2 usage, 6 crash.") as never,
  handler: async (a) => {
    if (!configNames().includes(a.config))
      throw new UsageError(`config: expected one of ${configNames().join(", ")}, got "${a.config}"`);
    if (!Number.isInteger(a.context) || a.context < 1)
      throw new UsageError(`context: expected an integer from 1, got "${a.context}"`);
    const tokens = parseTokens(a.tokens, a.context);
    const progress = new Progress(process.stderr);
    await ensureNative({
      also: ["cubins_sm100a"],
      onProgress: (f, what) => progress.show(`build ${Math.round(100 * f)} % ${what}`),
    });
    const native = openNative();
    // what is checked changes no count
    native.virtual({ async: "lazy", seed: 0, checks: false, maxInstructions: 0, profile: true });
    const onLaunch = (scenario: string, site: string): void => progress.show(`${scenario}: ${site}`);
    const scenarios = await countAll({ native, ...a, tokens, seed: 0, onLaunch });
    progress.clear();

    const now: Counts = {
      config: a.config,
      context: a.context,
      date: new Date().toISOString().slice(0, 10),
      kernels: kernelsOf(scenarios, kernelList(join(BUILD, "kernels"))),
      scenarios,
    };
    const ops = await opsByName();
    process.stdout.write(`${text(now, ops)}\n`);
    mkdirSync(a.out, { recursive: true });
    writeFileSync(join(a.out, "counts.json"), countsJson(now));
    writeFileSync(join(a.out, "counts.md"), markdown(now, ops));
    if (!a.save) process.stdout.write(`${compare(committed(), now)}\n`);
    const broken = brokenLimits(now, ops);
    for (const b of broken) process.stdout.write(`${b}\n`);
    process.stdout.write(`${broken.length === 0 ? "every limit holds" : `${broken.length} limits broken`}\n`);
    process.stdout.write(`${join(a.out, "counts.json")}\n${join(a.out, "counts.md")}\n`);
    if (a.save) {
      writeFileSync(COMMITTED, countsJson(now));
      process.stdout.write(`${COMMITTED}: written\n`);
    }
    if (broken.length > 0) process.exitCode = EXIT.fail;
  },
};

/** What changed since the figures committed last. */
function compare(last: Counts | null, now: Counts): string {
  if (last === null || last.config !== now.config || last.context !== now.context)
    return `nothing committed for ${now.config} at ${now.context}`;
  const found = changes(last, now);
  return found.length === 0
    ? `no count changed since ${last.date}`
    : [`changed since ${last.date}:`, ...found.map((f) => `  ${f}`)].join("\n");
}
