/** `sim exec`: CUDA programs that nvcc made, unmodified, on the virtual SM100's libcuda and libcudart. */
import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { execEnvironment } from "../harness/commands/sim_exec.ts";
import { BUILD, ROOT, ToolMissing, ensureNative } from "../harness/native_build.ts";

const SOURCES = join(ROOT, "native", "sim", "test", "programs");
const nvcc = ["nvcc", "/usr/local/cuda/bin/nvcc"].find((n) => spawnSync(n, ["--version"]).status === 0);

interface Outcome {
  code: number | null;
  out: string;
  err: string;
}
function start(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(file, args, { env: { ...process.env, ...env }, cwd: ROOT }, (_, out, err) =>
      resolve({ code: child.exitCode, out, err }),
    );
  });
}

/** The program `source` under `name`, made again when its source is newer. */
async function program(name: string, source: string, flags: readonly string[]): Promise<string> {
  const to = join(BUILD, "programs", name);
  const from = ["check.h", source].map((f) => statSync(join(SOURCES, f)).mtimeMs);
  if (existsSync(to) && statSync(to).mtimeMs > Math.max(...from)) return to;
  mkdirSync(dirname(to), { recursive: true });
  const made = await start(nvcc!, [
    "-cudart",
    "shared",
    "-std=c++17",
    ...flags,
    "-o",
    to,
    join(SOURCES, source),
  ]);
  expect(made.code, made.err).toBe(0);
  return to;
}
const PTX = ["-gencode", "arch=compute_100a,code=compute_100a"];
const run = (
  file: string,
  args: readonly string[],
  options: Partial<Parameters<typeof execEnvironment>[0]> = {},
) => start(file, args, execEnvironment({ checks: true, ...options }));

describe.skipIf(nvcc === undefined)("programs", () => {
  let runtime: string, streams: string, faults: string, driver: string;
  beforeAll(async () => {
    try {
      await ensureNative({ also: ["sim_host"] });
    } catch (e) {
      if (!(e instanceof ToolMissing)) throw e;
    }
    [runtime, streams, faults, driver] = await Promise.all([
      program("runtime", "runtime.cu", PTX),
      program("streams", "streams.cu", PTX),
      program("faults", "faults.cu", [...PTX, "-lineinfo"]),
      program("driver", "driver.cu", [...PTX, `-L${join(BUILD, "sim", "host", "lib")}`, "-lcuda"]),
    ]);
  }, 600_000);

  test.each(["vector_add", "symbols", "memory", "launches", "occupancy", "properties"])(
    "runtime: %s",
    async (name) => {
      expect(await run(runtime, [name])).toMatchObject({ code: 0, out: `${name}: ok\n` });
    },
    60_000,
  );

  test.each(["streams_and_events", "graph_capture", "graph_nodes"])(
    "streams: %s",
    async (name) => {
      expect(await run(streams, [name])).toMatchObject({ code: 0, out: `${name}: ok\n` });
    },
    60_000,
  );

  test.each(["context", "modules", "tensor_maps", "attributes", "proc_address"])(
    "driver: %s",
    async (name) => {
      expect(await run(driver, [name])).toMatchObject({ code: 0, out: `${name}: ok\n` });
    },
    60_000,
  );

  test.each([
    [
      "bad_pointer",
      /^write of 4 bytes at global address 0x40: no global memory there \[kernel .*write.*faults\.cu:5\]$/m,
    ],
    ["past_the_end", /offset 64 of allocation 1, which has 64 bytes/],
    ["unwritten", /read of global memory that nobody has written/],
    ["misalignment", /misaligned global address/],
    ["trapped", /the kernel executed trap/],
    ["trapped_then_exit", /the kernel executed trap/],
    ["endless", /the launch ran more than 100000 warp instructions/],
  ])(
    "a fault stays: %s",
    async (name, sentence) => {
      const r = await run(faults, [name], { "max-instructions": 100_000 });
      expect(r).toMatchObject({ code: 0, out: `${name}: ok\n` });
      expect(r.err).toMatch(sentence);
    },
    60_000,
  );

  test("checks off: unwritten memory may be read", async () => {
    expect((await run(faults, ["unwritten"], { checks: false })).code).toBe(1);
  });

  test("every compression and every policy", async () => {
    for (const mode of ["none", "size", "speed"]) {
      const file = await program(`faults_${mode}`, "faults.cu", [...PTX, `-compress-mode=${mode}`]);
      expect(await run(file, ["past_the_end"])).toMatchObject({ code: 0, out: "past_the_end: ok\n" });
    }
    for (const async of ["lazy", "eager", "random:7"])
      expect(await run(runtime, ["vector_add"], { async })).toMatchObject({ code: 0, err: "" });
  }, 120_000);

  test("only machine code in it: the error says how to compile", async () => {
    const file = await program("faults_sass", "faults.cu", ["-gencode", "arch=compute_100a,code=sm_100a"]);
    expect((await run(file, ["bad_pointer"])).err).toContain(
      "found sm_100a: compile with -gencode arch=compute_100a,code=compute_100a",
    );
  }, 60_000);

  test("the profile of every launch is written when the program ends", async () => {
    const profile = join(BUILD, "programs", "vector_add.profile.json");
    rmSync(profile, { force: true });
    expect(await run(runtime, ["vector_add"], { profile })).toMatchObject({ code: 0, err: "" });
    const launches = JSON.parse(readFileSync(profile, "utf8")) as { kernel: string }[];
    expect(launches.map((l) => l.kernel)).toEqual([expect.stringContaining("add")]);
  }, 60_000);

  test("options that are wrong", async () => {
    expect(await run(runtime, ["vector_add"], { async: "soon" })).toMatchObject({
      code: 2,
      err: 'DSV4_SIM_ASYNC expects lazy, eager or random:SEED, found "soon"\n',
    });
  });

  test("the command line: exit code and arguments are the program's own", async () => {
    const cli = (...args: string[]) =>
      start(process.execPath, ["--import", "tsx", "harness/cli.ts", "sim", "exec", ...args]);
    expect(await cli("--", runtime, "vector_add")).toMatchObject({ code: 0, out: "vector_add: ok\n" });
    expect((await cli("--", "sh", "-c", "exit 7")).code).toBe(7);
    expect((await cli("--", "sh", "-c", 'test "$0" = --async', "--async")).code).toBe(0);
    expect((await cli("--", "./no-such-program")).code).toBe(2);
    expect((await cli()).code).toBe(2);
  }, 60_000);
});
