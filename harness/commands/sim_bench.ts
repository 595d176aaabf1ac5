/** `pnpm sim bench`: how fast the virtual SM100 is on this machine, beside the figures that were committed last. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { CommandModule } from "yargs";
import { z } from "zod";
import { BUILD, ROOT, ensureNative } from "../native_build.ts";
import { Progress } from "../progress.ts";

const run = promisify(execFile);
const BASELINE = join(ROOT, "native", "sim", "bench.json");

const baseline = z.object({
  machine: z.string(),
  date: z.string(),
  figures: z.record(z.string(), z.number()),
});
type Figures = Readonly<Record<string, number>>;

/** What the simulator must reach on one core: converged code, dense tensor work and copies, with and without fault checks. */
const GOALS: readonly { readonly pattern: RegExp; readonly least: number }[] = [
  { pattern: /^(fma_chain|rmsnorm).*, not checked$/u, least: 2 },
  { pattern: /^(fma_chain|rmsnorm).*, checked$/u, least: 2 / 3 },
  { pattern: /^tcgen05\.mma .*, not checked$/u, least: 20 },
  { pattern: /^tcgen05\.mma .*, checked$/u, least: 20 / 3 },
];

/** Sections whose name is part of that of their figures, and what these count; the others count G thread-instructions/s. */
const SECTIONS: Readonly<Record<string, string>> = {
  "tcgen05.mma": "GMAC/s",
  "mma.sync": "GMAC/s",
  "tensor copy": "GB/s",
};
const sectionOf = (text: string): string | undefined =>
  Object.keys(SECTIONS).find((section) => text.startsWith(section));

/** Figures a core from what `sim_bench` prints. */
export function parseBench(text: string): Figures {
  const figures: Record<string, number> = {};
  let tensor = "";
  let checked = true;
  for (const line of text.split("\n")) {
    if (line.endsWith("checked")) {
      checked = !line.includes("not checked");
      const section = sectionOf(line);
      tensor = section === undefined ? "" : `${section} `;
      continue;
    }
    const m = /^(.+?)\s+[\d.]+ ms\s.*?\s([\d.]+) a core/u.exec(line);
    if (!m) continue;
    const name = m[1].startsWith("tile_loop")
      ? `tile_loop, ${m[1].includes("checked") ? "checked" : "not checked"}`
      : `${tensor}${m[1]}, ${checked ? "checked" : "not checked"}`;
    figures[name] = Number(m[2]);
  }
  return figures;
}

/** One line a figure: value, goal, and the ratio to what was committed. */
export function benchTable(now: Figures, before: Figures): string[] {
  return Object.entries(now).map(([name, value]) => {
    const unit = SECTIONS[sectionOf(name) ?? ""] ?? "G thread-instr/s";
    const goal = GOALS.find((g) => g.pattern.test(name))?.least;
    const verdict =
      goal === undefined ? "" : `goal ${goal.toFixed(2).padStart(5)} ${value >= goal ? "met" : "NOT MET"}`;
    const old = before[name];
    const ratio = old === undefined ? "new" : `${(value / old).toFixed(2)} of ${old.toFixed(2)}`;
    return `${name.padEnd(40)} ${value.toFixed(2).padStart(7)} ${unit.padEnd(18)} ${verdict.padEnd(20)} ${ratio}`;
  });
}

export const benchCommand: CommandModule<object, { save: boolean }> = {
  command: "bench",
  describe:
    "Speed a core: thread-instructions, matrix products and tensor copies, with and without fault checks",
  builder: (y) =>
    y
      .option("save", {
        type: "boolean",
        default: false,
        describe: "Make these the committed figures (native/sim/bench.json)",
      })
      .example("$0 sim bench", "this machine beside the committed figures"),
  handler: async (a) => {
    const progress = new Progress(process.stderr);
    await ensureNative({
      also: ["sim_bench"],
      onProgress: (f, what) => progress.show(`build ${Math.round(100 * f)} % ${what}`),
    });
    progress.show("measuring");
    const { stdout } = await run(join(BUILD, "sim", "sim_bench"), [], { maxBuffer: 1 << 24 });
    progress.clear();
    const figures = parseBench(stdout);
    const machine = cpus()[0]?.model ?? "unknown";
    const last = existsSync(BASELINE)
      ? baseline.parse(JSON.parse(readFileSync(BASELINE, "utf8")))
      : { machine: "none", date: "never", figures: {} };
    process.stdout.write(`${machine}; committed ${last.date} on ${last.machine}\n`);
    process.stdout.write(`${benchTable(figures, last.figures).join("\n")}\n`);
    if (a.save) {
      const date = new Date().toISOString().slice(0, 10);
      writeFileSync(BASELINE, `${JSON.stringify({ machine, date, figures }, null, 2)}\n`);
      process.stdout.write(`${BASELINE}: written\n`);
    }
  },
};
