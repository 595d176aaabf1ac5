/** The benchmark of counts on shapes that take no time: launches, slices, limits, comparison, tables. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { loadConfig } from "../../fixtures/configs.ts";
import { syntheticStreams } from "../../fixtures/streams.ts";
import type { OpDecl } from "../../kernels/schema.ts";
import { Ctx } from "../../oracle/context.ts";
import { moe } from "../../oracle/moe.ts";
import { faithful } from "../../oracle/num/index.ts";
import { tensor } from "../../oracle/tensor.ts";
import { freqTable } from "../chains.ts";
import { opsByName } from "../discover.ts";
import { loadNative, ToolMissing, type Native } from "../native.ts";
import { CountChain } from "./chain.ts";
import {
  brokenLimits,
  changes,
  committed,
  countsFile,
  countsJson,
  type Counts,
  type Launch,
} from "./figures.ts";
import { countAll } from "./scenarios.ts";
import { markdown, text } from "./table.ts";
import { CountWeights, slicesOf, widen } from "./weights.ts";

let native: Native;
let tools = true;
beforeAll(async () => {
  try {
    native = await loadNative();
  } catch (e) {
    if (!(e instanceof ToolMissing)) throw e;
    tools = false;
  }
}, 900_000);

const launch: Launch = {
  op: "linear_fp8",
  variant: "sm100",
  ops: 1,
  parts: 1,
  bytes: 1000,
  needed: 1000,
  issued: 1600,
  useful: 100,
  instructions: 64,
  smem: 2048,
  tmem: 64,
  us: 2,
  bound: "device memory",
};
const counts = (
  sites: Record<string, Partial<Launch>>,
  kernels: Counts["kernels"] = { "linear_fp8.sm100": { registers: 86, spill_bytes: 0 } },
): Counts => ({
  config: "mini",
  context: 64,
  date: "2026-01-01",
  kernels,
  scenarios: {
    "csa layer, decode 1": Object.fromEntries(
      Object.entries(sites).map(([k, l]) => [k, { ...launch, ...l }]),
    ),
  },
});

describe("on the virtual device", () => {
  beforeEach((c) => {
    if (!tools) return c.skip("no CUDA compiler here");
    native.virtual({ async: "lazy", seed: 0, checks: false, maxInstructions: 0, profile: true });
  });

  test("a decode step at the end of a text launches every op of its layer, and twice alike", async () => {
    const run = () =>
      countAll({ native, config: "mini", context: 512, tokens: [1], seed: 0, onLaunch: () => undefined });
    const once = await run();
    expect(Object.keys(once)).toEqual([
      "csa layer, decode 1",
      "hca layer, decode 1",
      "nvfp4 experts, decode 1",
    ]);
    const [csa, hca, nvfp4] = Object.values(once);
    // the text ends where windows of 4 and of 128 end, so both compressors make an entry; the launches are those of the engine
    const opsOf = (s: Record<string, Launch>): string[] => Object.values(s).map((l) => l.op);
    const ffn = ["expert_up_mxfp4", "expert_linear_mxfp4", "shared_up", "linear_fp8", "combine_post"];
    expect(opsOf(csa)).toEqual([
      ...["hc_pre_norm", "project_y_csa", "q_kv_csa", "linear_fp8_pair", "query_heads", "score_keys"],
      ...["paged_attention_derope", "o_a_quant", "linear_fp8", "hc_post_norm", "router_dispatch"],
      ...ffn,
    ]);
    expect(opsOf(hca)).toEqual([
      ...["hc_pre_norm", "project_y_hca", "q_kv_hca", "linear_fp8", "q_norm_rope", "key_list"],
      ...["paged_attention_derope", "o_a_quant", "linear_fp8", "hc_post_norm", "router_dispatch"],
      ...ffn,
    ]);
    expect(Object.values(csa).reduce((n, l) => n + l.ops, 0)).toBe(61);
    expect(nvfp4["ffn.experts.act_nvfp4"].op).toBe("expert_up_nvfp4");
    // q, the keys of a full window and of topk entries (or of all four), their list, the sinks, o; position and frequencies
    const { n_head, head_dim, window, index_topk, rope_dim } = loadConfig("mini").config;
    const attention = (n_key: number): number =>
      2 * head_dim * 2 * n_head + (576 + 7) * n_key + 4 * n_key + 4 * n_head + 4 + 2 * rope_dim;
    expect(csa["attn.derope"].needed).toBe(attention(window + Math.min(index_topk, 128)));
    expect(hca["attn.derope"].needed).toBe(attention(window + 4));
    const { bytes, needed } = csa["attn.derope"];
    expect(bytes - needed).toBe(window + index_topk); // with a token's seven scales comes the byte beside them
    expect(await run()).toEqual(once);
  }, 120_000);

  test("slices of the experts add up to the whole launch", async () => {
    const mini = loadConfig("mini").config;
    const c = { ...mini, d_ff: 2560 };
    const layer = c.layers.findIndex((l) => !l.hash);
    const prefix = `layers.${layer}.`;
    const run = async (most: number, fusions: Iterable<OpDecl> = []) => {
      const weights = new CountWeights(c, 0, most);
      const chain = new CountChain(native, weights, prefix, () => undefined);
      const { x, ids } = syntheticStreams({ ...c, hc: 1 }, layer, 12, 0);
      const y = { ...x, shape: [12, c.d_model] };
      await moe(new Ctx(c, weights, chain, freqTable(c, faithful), prefix), c.layers[layer], y, ids);
      return chain.launches(fusions);
    };
    const [whole, cut] = [await run(1 << 30), await run(1 << 20)];
    const [w, s] = [whole.get("ffn.experts.w1")!, cut.get("ffn.experts.w1")!];
    expect([w.parts, s.parts]).toEqual([1, 2]);
    expect([s.smem, s.tmem]).toEqual([w.smem, w.tmem]);
    expect([s.parts * s.issued, s.parts * s.useful]).toEqual([w.issued, w.useful]);
    // a slice reads the activations of the whole
    expect(s.parts * s.bytes - w.bytes).toBeGreaterThan(0);
    expect(s.parts * s.bytes - w.bytes).toBeLessThan(0.02 * w.bytes);
    // what follows is of full width: the same work
    expect(cut.get("ffn.experts.act")!.needed).toBe(whole.get("ffn.experts.act")!.needed);
    // a fusion of slices is a slice
    const fused = await run(1 << 20, (await opsByName()).values());
    const up = fused.get("ffn.experts.act_fp8")!;
    expect([up.op, up.parts, up.ops]).toEqual(["expert_up_mxfp4", 2, 4]);
    expect(up.parts * up.useful).toBe(2 * w.useful);
  }, 120_000);
});

test("a slice is whole tiles, and a tile for every multiprocessor", () => {
  expect(slicesOf(6, 3072, 7168)).toBe(1);
  expect(slicesOf(333, 3072, 7168, 160 << 20)).toBe(24);
  expect(slicesOf(43, 3072, 7168, 160 << 20)).toBe(3);
  expect(slicesOf(43, 3072, 7168, 1)).toBe(6); // 43 x 24 / 8 tiles would be fewer than 148
  expect(slicesOf(7, 200, 64, 1)).toBe(1);
  const t = widen(tensor("bf16", [2, 2], Uint16Array.of(1, 2, 3, 4)), 2);
  expect([t.shape, [...t.data]]).toEqual([
    [2, 4],
    [1, 2, 1, 2, 3, 4, 3, 4],
  ]);
});

test("a limit that is broken is a sentence with site, kernel and both numbers", async () => {
  const ops = await opsByName();
  expect(brokenLimits(counts({ "attn.q_a": { bytes: 1100 } }), ops)).toEqual([]);
  expect(brokenLimits(counts({ "attn.q_a": { bytes: 1101 } }), ops)).toEqual([
    "csa layer, decode 1, attn.q_a: expected linear_fp8 (sm100) to move at most 1.10 times the 1000 bytes that must, got 1101 (1.101)",
  ]);
  // no stream of weights or keys
  expect(brokenLimits(counts({ n: { op: "rmsnorm", variant: "portable", bytes: 5000 } }), ops)).toEqual([]);
  expect(brokenLimits(counts({}, { "linear_fp8.sm100": { registers: 255, spill_bytes: 8 } }), ops)).toEqual([
    "kernel linear_fp8.sm100: expected no spills, got 8 bytes",
  ]);
});

test("what changed is named, what did not is not", () => {
  const before = counts({ a: {}, b: {} });
  expect(changes(before, before)).toEqual([]);
  expect(changes(before, counts({ a: { bytes: 900, bound: "tcgen05.f16" }, c: {} }))).toEqual([
    "csa layer, decode 1, a: bytes 1000 -> 900 (-10.00 %)",
    "csa layer, decode 1, a: bound device memory -> tcgen05.f16",
    "csa layer, decode 1, c: new",
    "csa layer, decode 1, b: gone",
  ]);
  const spilling = { "linear_fp8.sm100": { registers: 86, spill_bytes: 4 } };
  expect(changes(before, counts({ a: {}, b: {} }, spilling))).toEqual([
    "kernel linear_fp8.sm100: spill_bytes 0 -> 4",
  ]);
});

test("the committed form is the schema's, a line a launch", () => {
  const c = counts({ a: {}, b: { parts: 3 } });
  expect(countsFile.parse(JSON.parse(countsJson(c)))).toEqual(c);
  expect(
    countsJson(c)
      .split("\n")
      .filter((l) => l.includes('"op"')),
  ).toHaveLength(2);
});

test("a committed file of another form is refused in one sentence", () => {
  const path = join(mkdtempSync(join(tmpdir(), "dsv4-counts-")), "committed.json");
  expect(committed(path)).toBeNull();
  const { ops: _, ...older } = launch;
  writeFileSync(path, JSON.stringify({ ...counts({}), scenarios: { decode: { a: older } } }));
  expect(() => committed(path)).toThrow(/committed\.json: key "scenarios\.decode\.a\.ops": .*--save/);
});

test("tables: by kernel, slices made whole, a broken limit marked", async () => {
  const ops = await opsByName();
  const c = counts(
    { a: {}, b: { parts: 3, bytes: 1200, us: 4 }, n: { op: "rmsnorm", issued: 0, useful: 0, us: 2 } },
    {
      "linear_fp8.sm100": { registers: 86, spill_bytes: 0 },
      "rmsnorm.sm100": { registers: 32, spill_bytes: 0 },
    },
  );
  const md = markdown(c, ops);
  expect(md).toContain(
    "| linear_fp8 | sm100 | 2 (slices) | 2 | 4.60 k | 1.150 | 1.200 BROKEN | 82.1 % | 6.40 k | 6.3 % | 86 | 0 | 2048 | 64 | 14 | 87.5 % | device memory |",
  );
  expect(md).toContain(
    "| rmsnorm | sm100 | 1 | 1 | 1.00 k | 1.000 | 1.000 (no limit) | 17.9 % | – | – | 32 |",
  );
  expect(md).toContain("| all |  | 3 | 3 | 5.60 k |");
  expect(md).toContain("b 1/3");
  expect(text(c, ops)).toMatch(/^linear_fp8 +sm100 +2 \(slices\) /m);
});
