/**
 * `pnpm bench:self`: how fast the instrument itself is. Every figure is the median of repeated runs on this machine, printed with
 * the goal it is held against; `--json FILE` keeps samples and environment.
 */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Bench } from "tinybench";
import type { CommandModule } from "yargs";
import { encode } from "../../oracle/num/index.ts";
import { loadNative, type RunOpRequest } from "../native.ts";
import { runGolden } from "../golden.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const run = promisify(execFile);

export interface Figure {
  readonly name: string;
  /** Median over the runs. */
  readonly value: number;
  readonly unit: string;
  readonly goal: string;
  readonly met: boolean;
  readonly samples: readonly number[];
}

/** Deterministic values in [-1, 1): the figure must not depend on them, but zeros would not be fair. */
const values = (n: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => ((i * 2654435761) % 4096) / 2048 - 1);

const bf16 = (n: number): Uint16Array => encode("bf16", values(n), [n]).data as Uint16Array;

/** Wide rows: loads, fused multiply-adds and shuffles in converged warps. */
function rmsnormRequest(): RunOpRequest {
  const [n_row, d_model] = [512, 7168];
  return {
    op: "rmsnorm",
    inputs: { x: bf16(n_row * d_model), w: bf16(d_model) },
    outputs: { y: 2 * n_row * d_model },
    scalars: { n_row, d_model, eps: 1e-6 },
  };
}

/** A GEMM of whole tiles on mma.sync. */
function gemmRequest(): RunOpRequest {
  const [M, N, K] = [256, 1024, 1024];
  return {
    op: "linear_f32",
    inputs: { a: bf16(M * K), w: bf16(N * K) },
    outputs: { y: 4 * M * N },
    scalars: { M, N, K },
    options: { variant: "portable" },
  };
}

/** Times `work` with tinybench and returns the samples in milliseconds. */
async function time(name: string, iterations: number, work: () => Promise<unknown>): Promise<number[]> {
  const samples: number[] = [];
  const bench = new Bench({
    time: 0,
    iterations,
    warmupTime: 0,
    warmupIterations: 1,
    throws: true,
    retainSamples: true,
  });
  bench.add(name, async () => {
    const t0 = performance.now();
    await work();
    samples.push(performance.now() - t0);
  });
  await bench.run();
  return samples.slice(-iterations);
}

const median = (x: readonly number[]): number => {
  const s = [...x].sort((a, b) => a - b);
  return s.length % 2 ? s[s.length >> 1] : (s[s.length / 2 - 1] + s[s.length / 2]) / 2;
};

const figure = (
  name: string,
  unit: string,
  goal: string,
  samples: readonly number[],
  met: (m: number) => boolean,
): Figure => ({
  name,
  unit,
  goal,
  samples,
  value: median(samples),
  met: met(median(samples)),
});

/** Simulator speed a core. The pool uses every core, so the total is divided by their number. */
async function simulator(): Promise<Figure[]> {
  const native = await loadNative();
  const cores = cpus().length;
  const figures: Figure[] = [];
  const rms: number[] = [];
  const norm = rmsnormRequest();
  await time("rmsnorm", 5, async () => {
    const r = await native.runOp(norm);
    rms.push(r.counters.thread_instructions / r.elapsed_ms[0] / 1e6 / cores);
  });
  figures.push(
    figure(
      "simulator, converged code",
      "G thread-instructions/s a core",
      ">= 2",
      rms.slice(-5),
      (m) => m >= 2,
    ),
  );
  const macs: number[] = [];
  const gemm = gemmRequest();
  const { M, N, K } = gemm.scalars;
  await time("gemm", 5, async () => {
    const r = await native.runOp(gemm);
    macs.push((M * N * K) / r.elapsed_ms[0] / 1e6 / cores);
  });
  figures.push(
    figure("simulator, portable GEMM (mma.sync)", "GMAC/s a core", "reported", macs.slice(-5), () => true),
  );
  return figures;
}

async function oracles(): Promise<Figure[]> {
  const dir = join(ROOT, "fixtures", "golden", "a");
  const exact: number[] = [];
  const tf: number[] = [];
  await time("golden", 1, async () => {
    const { time_ms } = await runGolden(dir);
    exact.push((time_ms.exact ?? NaN) / 1e3);
    tf.push((time_ms.tf ?? NaN) / 1e3);
  });
  return [
    figure("golden bundle a, exact oracle", "s", "< 60", exact, (m) => m < 60),
    figure("golden bundle a, tfjs oracle", "s", "< 30", tf, (m) => m < 30),
  ];
}

/** Whole process, as a user waits for it. */
async function verify(
  args: readonly string[],
  name: string,
  goal: number,
  iterations: number,
): Promise<Figure> {
  const cli = ["--import", "tsx", join(ROOT, "harness", "cli.ts"), "verify", ...args];
  const ms = await time(name, iterations, () =>
    run(process.execPath, cli, { cwd: ROOT, maxBuffer: 1 << 28 }),
  );
  return figure(
    name,
    "s",
    `< ${goal}`,
    ms.map((x) => x / 1e3),
    (m) => m < goal,
  );
}

const row = (f: Figure): string =>
  `${f.name.padEnd(40)} ${f.value.toPrecision(3).padStart(8)} ${f.unit.padEnd(32)} ${f.goal.padEnd(9)} ${f.met ? "met" : "NOT MET"}`;

export const command: CommandModule<object, { all: boolean; json?: string }> = {
  command: "bench-self",
  describe: "Measure the instrument: simulator, oracles, whole verifications",
  builder: (y) =>
    y
      .option("all", { type: "boolean", default: false, describe: "Also time verify --all (minutes)" })
      .option("json", { type: "string", describe: "Write figures, samples and environment here" })
      .example("$0 bench-self --json bench.json", "print the table and keep the samples"),
  handler: async (a) => {
    const environment = {
      cpu: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      memory_gb: Math.round(totalmem() / 1e9),
      node: process.version,
    };
    process.stdout.write(
      `${environment.cpu}, ${environment.cores} cores, ${environment.memory_gb} GB, node ${environment.node}\n`,
    );
    const figures: Figure[] = [];
    const add = (list: readonly Figure[]): void => {
      for (const f of list) {
        figures.push(f);
        process.stdout.write(`${row(f)}\n`);
      }
    };
    add(await simulator());
    add(await oracles());
    add([await verify(["--layer", "12"], "verify --layer 12, warm", 10, 3)]);
    if (a.all) add([await verify(["--all"], "verify --all", 300, 1)]);
    if (a.json !== undefined) writeFileSync(a.json, `${JSON.stringify({ environment, figures }, null, 1)}\n`);
  },
};
