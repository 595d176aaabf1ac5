/** `pnpm precision`: what each choice of a number format costs, layer by layer, ideal against faithful. No kernel runs. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandModule } from "yargs";
import { loadConfig } from "../../fixtures/configs.ts";
import { nearest } from "../discover.ts";
import { environment } from "../environment.ts";
import { EXIT, UsageError } from "../exit.ts";
import { onInterrupt } from "../interrupt.ts";
import { checkOut, RUNS } from "../plan.ts";
import { CHOICES, type Choice } from "../precision/choices.ts";
import { scaledContext, wholeContext } from "../precision/context.ts";
import { methodOf } from "../precision/method.ts";
import type { PrecisionRecord } from "../precision/record.ts";
import { measureChoices } from "../precision/run.ts";
import { Progress } from "../progress.ts";

interface PrecisionArgs {
  tokens: number;
  seed: number;
  layers: number;
  choices?: string;
  jobs: number;
  report: string;
  out?: string;
  list: boolean;
}

const CONFIG = "mini";
/** Fewer tokens than two CSA entries leave the indexer nothing to choose. */
const [MIN_TOKENS, MAX_TOKENS] = [8, 512];
const whole = loadConfig(CONFIG).config;

const integer = (name: string, x: number, lo: number, hi: number): number => {
  if (!Number.isInteger(x) || x < lo || x > hi)
    throw new UsageError(`${name}: expected an integer in ${lo}..${hi}, got ${x}`);
  return x;
};

function chosen(text: string | undefined): readonly Choice[] {
  if (text === undefined) return CHOICES;
  const ids = text.split(",").map((s) => s.trim());
  const known = CHOICES.map((c) => c.id);
  const unknown = ids.find((id) => !known.includes(id));
  if (unknown !== undefined)
    throw new UsageError(
      `choices: expected names of the list that --list prints, got "${unknown}"; did you mean ${nearest(unknown, known)}?`,
    );
  return CHOICES.filter((c) => ids.includes(c.id));
}

async function reporters(text: string) {
  const { PRECISION_REPORTERS: all } = await import("../../reports/precision/index.ts");
  const names = text.split(",").filter((n) => n !== "none");
  const unknown = names.find((n) => !Object.hasOwn(all, n));
  if (unknown !== undefined)
    throw new UsageError(`report: expected ${Object.keys(all).join(", ")} or none, got "${unknown}"`);
  return names.map((n) => all[n as keyof typeof all]);
}

export const command: CommandModule<object, PrecisionArgs> = {
  command: "precision",
  describe: "Price each choice of a number format over the model's layers, against float64",
  builder: (y) =>
    y
      .option("tokens", {
        type: "number",
        default: 32,
        describe: `Length of the prompt; from ${wholeContext(whole)} on the model's own lengths hold`,
      })
      .option("seed", { type: "number", default: 0, describe: "Of weights and tokens" })
      .option("layers", { type: "number", default: whole.n_layer, describe: "Layers from the embedding on" })
      .option("choices", { type: "string", describe: "Only these: kv-fp8 or kv-fp8,kv-nvfp4" })
      .option("jobs", { type: "number", default: 2, describe: "Chains that run side by side" })
      .option("report", {
        type: "string",
        default: "html,json,markdown",
        describe: "html, json, markdown, or none",
      })
      .option("out", { type: "string", describe: "Folder of the reports [default: runs/<time>]" })
      .option("list", { type: "boolean", default: false, describe: "Print the choices and stop" })
      .example("$0 precision", "every choice, 61 layers of mini")
      .example("$0 precision --choices kv-fp8,kv-nvfp4 --tokens 132", "two caches, lengths as they are")
      .epilogue(
        `Exit: ${EXIT.ok} measured, ${EXIT.usage} usage, ${EXIT.error} crash, ${EXIT.interrupted} interrupted (choices that are through are reported)`,
      ),
  handler: async (a) => {
    if (a.list) {
      const width = Math.max(...CHOICES.map((c) => c.id.length));
      for (const c of CHOICES)
        process.stdout.write(`${c.id.padEnd(width)}  ${c.kind.padEnd(7)}  ${c.what}\n`);
      return;
    }
    process.exitCode = await precision(a, process.argv.slice(3));
  },
};

async function precision(a: PrecisionArgs, typed: readonly string[]): Promise<number> {
  const n_tok = integer("tokens", a.tokens, MIN_TOKENS, MAX_TOKENS);
  const seed = integer("seed", a.seed, 0, 2 ** 31 - 1);
  const layers = integer("layers", a.layers, 1, whole.n_layer);
  const jobs = integer("jobs", a.jobs, 1, 64);
  const choices = chosen(a.choices);
  const writers = await reporters(a.report);
  const started = new Date().toISOString();
  const stamp = started.replace(/[:.]/g, "-").slice(0, 19);
  const dir = checkOut(a.out ?? join(RUNS, `${stamp}-${process.pid}`));
  const config = scaledContext(whole, n_tok);

  const t0 = performance.now();
  const progress = new Progress(process.stderr);
  const { abort, release } = onInterrupt();
  const found = await measureChoices(
    { name: CONFIG, config, n_tok, seed, layers, choices, jobs },
    abort.signal,
    (title, layer, done, of) => {
      const left = ((performance.now() - t0) / 1e3 / done) * (of - done);
      progress.show(
        `${((100 * done) / of).toFixed(0)} %, about ${left.toFixed(0)} s left: ${title}, layer ${layer}`,
      );
    },
  ).finally(release);
  progress.clear();

  const kinds = config.layers.slice(0, layers);
  const about = {
    config: CONFIG,
    tokens: n_tok,
    seed,
    layers: kinds.map((l) => l.kind),
    context: {
      scaled: config !== whole,
      window: config.window,
      hca_ratio: kinds.find((l) => l.kind === "hca")?.ratio ?? null,
      index_topk: config.index_topk,
    },
  };
  const record: PrecisionRecord = {
    kind: "precision",
    schema: 1,
    started,
    command: ["pnpm precision", ...typed].join(" "),
    ...about,
    method: methodOf(about),
    ideal_rms: [...found.ideal_rms],
    choices: [...found.choices],
    shipped: found.shipped,
    unfinished: [...found.unfinished],
    wall_s: (performance.now() - t0) / 1e3,
    environment: environment(),
  };
  if (record.choices.length > 0) {
    const { precisionText } = await import("../../reports/precision/text.ts");
    process.stdout.write(`${precisionText(record)}\n`);
    if (writers.length > 0) mkdirSync(dir, { recursive: true });
    for (const write of writers) {
      const { name, content } = write(record);
      const path = join(dir, name);
      writeFileSync(path, content);
      process.stdout.write(`${path}\n`);
    }
  }
  if (abort.signal.aborted)
    process.stderr.write(`interrupted: ${record.choices.length} of ${choices.length} choices were through\n`);
  return abort.signal.aborted ? EXIT.interrupted : EXIT.ok;
}
