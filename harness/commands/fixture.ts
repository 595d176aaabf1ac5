/** `pnpm fixture`: writes a synthetic checkpoint, whole or some layers of it. */
import { statSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { CommandModule } from "yargs";
import { ensureCheckpoint, whole } from "../../fixtures/checkpoint.ts";
import { configNames, loadConfig, type ExpertFormat } from "../../fixtures/configs.ts";

interface Args {
  config: string;
  format: ExpertFormat;
  seed: number;
  layers?: string;
  top: boolean;
  out?: string;
}

/** `3`, `10..14` or `0,3,12` -> layer numbers. Throws one sentence when it is neither, or out of range. */
export function parseLayers(text: string, n: number): number[] {
  const layers = text.split(",").flatMap((part) => {
    const m = /^(\d+)(?:\.\.(\d+))?$/.exec(part.trim());
    if (!m) throw new Error(`layers: expected numbers like 3, 10..14 or 0,3,12, got "${text}"`);
    const [lo, hi] = [Number(m[1]), Number(m[2] ?? m[1])];
    if (hi < lo) throw new Error(`layers: expected a..b with a <= b, got "${part}"`);
    if (hi >= n) throw new Error(`layer: expected 0..${n - 1}, got ${hi}`);
    return Array.from({ length: hi - lo + 1 }, (_, i) => lo + i);
  });
  return [...new Set(layers)].sort((a, b) => a - b);
}

const megabytes = (dir: string): string =>
  (readdirSync(dir).reduce((n, f) => n + statSync(join(dir, f)).size, 0) / 1e6).toFixed(1);

export const command: CommandModule<object, Args> = {
  command: "fixture",
  describe: "Write a synthetic checkpoint in a released format",
  builder: (y) =>
    y
      .option("config", { choices: configNames(), default: "mini", describe: "Model configuration" })
      .option("format", {
        choices: ["mxfp4", "nvfp4"] as const,
        default: "mxfp4" as const,
        describe: "Routed experts: DeepSeek's MXFP4 or ModelOpt's NVFP4",
      })
      .option("seed", { type: "number", default: 0, describe: "Seed of every parameter" })
      .option("layers", {
        type: "string",
        describe: "Only these: 12, 10..14 or 0,3 (61 of 61 layers is the MTP block)",
      })
      .option("top", { type: "boolean", default: true, describe: "Embedding, LM head, final norm" })
      .option("out", { type: "string", describe: "Folder that holds the checkpoints" })
      .example("$0 fixture", "the whole mini model, 265 MB")
      .example("$0 fixture --config pro --layers 12 --no-top", "one true-size layer"),
  handler: (a) => {
    const config = loadConfig(a.config, a.format);
    const all = whole(config.config).layers;
    const dir = ensureCheckpoint({
      config,
      seed: a.seed,
      layers: a.layers === undefined ? all : parseLayers(a.layers, all.length),
      top: a.top,
      ...(a.out === undefined ? {} : { root: a.out }),
      onProgress: (s) => process.stderr.write(`${s}\n`),
    });
    process.stdout.write(`${dir} (${megabytes(dir)} MB)\n`);
  },
};
