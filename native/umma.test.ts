/**
 * A whole tensor-core kernel (TMA, mbarriers, tcgen05.mma, tensor memory, bulk store) on the virtual SM100: right under every policy, and
 * each line that holds it together is named when it is taken out.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { bf16 } from "../oracle/num/index.ts";
import { launchRequest, readLaunch } from "../harness/launch_file.ts";
import { loadNative, ToolMissing, type LaunchOutcome, type Native } from "../harness/native.ts";
import { BUILD } from "../harness/native_build.ts";

const [M, N, K] = [256, 128, 256];
const map = (
  buffer: string,
  type: string,
  dims: number[],
  stride: number,
  box: number[],
  swizzle: string,
) => ({
  tensor_map: { buffer, type, dims, strides: [stride], box, swizzle },
});
const LAUNCH = {
  entry: "umma_gemm",
  grid: [M / 128, N / 64],
  block: [192],
  smem: 2 * 24576 + 128 * 64 * 4 + 1024,
  buffers: [
    { name: "a", dtype: "BF16", shape: [M, K], fill: { random: 1 } },
    { name: "b", dtype: "BF16", shape: [N, K], fill: { random: 2 } },
    { name: "c", dtype: "F32", shape: [M, N], fill: { random: 3 } },
    { name: "d", dtype: "F32", shape: [M, N], fill: "unwritten", out: true },
  ],
  params: [
    map("a", "BFLOAT16", [K, M], 2 * K, [64, 128], "128B"),
    map("b", "BFLOAT16", [K, N], 2 * K, [64, 64], "128B"),
    map("d", "FLOAT32", [N, M], 4 * N, [64, 128], "NONE"),
    { buffer: "c" },
    { type: "u32", value: N },
    { type: "u32", value: K / 64 },
  ],
};

let dir: string;
let native: Native;
let tools = true;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "dsv4-umma-"));
  writeFileSync(join(dir, "launch.json"), JSON.stringify(LAUNCH));
  try {
    native = await loadNative();
  } catch (e) {
    if (!(e instanceof ToolMissing)) throw e;
    tools = false;
  }
}, 900_000);
beforeEach((c) => {
  if (!tools) c.skip("no CUDA compiler here");
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

type Policy = readonly ["lazy" | "random" | "eager", number];
const POLICIES: readonly Policy[] = [
  ["lazy", 0],
  ["random", 1],
  ["random", 2],
  ["random", 3],
  ["eager", 0],
];

let turn = 0;
async function run([async, seed]: Policy, change = (ptx: string) => ptx): Promise<LaunchOutcome> {
  const ptx = join(dir, `k${turn++}.ptx`); // a path is one module for the life of the process
  writeFileSync(ptx, change(readFileSync(join(BUILD, "test", "umma_gemm.ptx"), "utf8")));
  const launch = join(dir, "launch.json");
  native.virtual({ async, seed, checks: true, maxInstructions: 10_000_000, profile: true });
  try {
    return await native.launch(launchRequest(readLaunch(launch), launch, ptx));
  } finally {
    native.virtual({ async: "lazy", seed: 0, checks: true, maxInstructions: 0, profile: false });
  }
}

/** Takes the one line that ends in `// name` out of the PTX, or changes it. */
const edit =
  (name: string, to: (line: string) => string = () => "") =>
  (ptx: string): string => {
    const lines = ptx.split("\n");
    const at = lines.flatMap((l, i) => (l.trimEnd().endsWith(`// ${name}`) ? [i] : []));
    if (at.length !== 1) throw new Error(`${name}: expected one line of this name, got ${at.length}`);
    lines[at[0]] = to(lines[at[0]]);
    return lines.join("\n");
  };

test("D = A B^T + C, the same bits under every policy, without a remark", async () => {
  const request = launchRequest(readLaunch(join(dir, "launch.json")), join(dir, "launch.json"), "");
  const bytes = (i: number): Uint8Array => request.buffers[i] as Uint8Array;
  const codes = (i: number): number[] =>
    Array.from(new Uint16Array(bytes(i).slice().buffer), (v) => bf16.decode(v));
  const [a, b, c] = [codes(0), codes(1), new Float32Array(bytes(2).slice().buffer)];
  const first = await run(POLICIES[0]);
  const d = new Float32Array(first.buffers[3].slice().buffer);
  let worst = 0;
  for (let m = 0; m < M; m++)
    for (let n = 0; n < N; n++) {
      let sum = c[m * N + n];
      let size = Math.abs(sum);
      for (let k = 0; k < K; k++) {
        const product = a[m * K + k] * b[n * K + k];
        sum += product;
        size += Math.abs(product);
      }
      worst = Math.max(worst, Math.abs(d[m * N + n] - sum) / size);
    }
  // K roundings to f32 of partial sums no larger than the sum of magnitudes
  expect(worst).toBeLessThan((K + 1) * 2 ** -24);
  for (const policy of POLICIES) {
    const { buffers, lints } = await run(policy);
    expect(Buffer.compare(buffers[3], first.buffers[3]), policy.join(":")).toBe(0);
    expect(lints).toEqual([]);
  }
});

test("the profile counts what the kernel asked for", async () => {
  native.takeProfiles();
  await run(POLICIES[0]);
  const [p] = JSON.parse(native.takeProfiles());
  expect(p.mma["tcgen05.f16"].issued).toBe(M * N * K);
  expect(p.bytes.tma_load.total).toBe((M / 128) * (N / 64) * (K / 64) * 24576);
  expect(p.bytes.tma_store.total).toBe(4 * M * N);
  expect(p.bytes.global_read_unique).toBe(2 * (M + N) * K + 4 * M * N);
  expect(p.bytes.global_write_unique).toBe(4 * M * N);
  expect(p.tmem_columns).toBe(64);
});

describe("a line is missing", () => {
  const halved = (line: string): string => line.replace("24576", "12288");
  test.each<[string, (ptx: string) => string, RegExp]>([
    [
      "tcgen05.wait::st",
      edit("wait st"),
      /tcgen05\.mma.* writes tensor memory .*tcgen05\.st.*missing tcgen05\.wait::st/,
    ],
    [
      "the wait for a full stage",
      edit("wait full"),
      /tcgen05\.mma.* reads shared memory .*cp\.async\.bulk\.tensor.*missing a wait for that phase of the mbarrier/,
    ],
    [
      "the wait for an empty stage",
      edit("wait empty"),
      /cp\.async\.bulk\.tensor.* writes shared memory .*missing|another phase of their mbarrier|arrival/,
    ],
    [
      "the wait for the last MMA",
      edit("wait finished"),
      /tcgen05\.(ld|mma).* (reads|writes) tensor memory .*missing .*(barrier|tcgen05\.commit)/,
    ],
    [
      "fence.proxy.async before the store",
      edit("fence store"),
      /cp\.async\.bulk\.tensor.* reads shared memory .*missing fence\.proxy\.async/,
    ],
    ["tcgen05.dealloc", edit("dealloc"), /tcgen05\.alloc.*|columns .*tensor memory/],
    ["half of expect_tx", edit("expect", halved), /mbarrier/],
  ])("%s", async (_, change, sentence) => {
    for (const policy of POLICIES.slice(0, 4))
      await expect(run(policy, change), policy.join(":")).rejects.toThrow(sentence);
  });
});
