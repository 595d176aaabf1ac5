/** The engine's own promises: ranges compose, taps change nothing, poison changes nothing, and what is absent is said by name. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ensureCheckpoint, type CheckpointRequest } from "../fixtures/checkpoint.ts";
import { loadConfig } from "../fixtures/configs.ts";
import { loadNative, type EngineHandle, type Native, type RunLayers, type Tap } from "../harness/native.ts";
import { parseProfiles } from "../harness/profile.ts";

const mini = loadConfig("mini");
const c = mini.config;
const N = 9;
const ids = Int32Array.from({ length: N }, (_, i) => (i * 7919 + 13) % c.vocab);
/** Streams of about unit size: bf16 of a fixed sequence in (-2, 2). */
const streams = Uint16Array.from({ length: N * c.hc * c.d_model }, (_, i) => {
  const v = Float32Array.of((Math.imul(i + 1, 2654435761) >>> 0) / 2 ** 30 - 2);
  return new Uint32Array(v.buffer)[0] >>> 16;
});

let native: Native;
let root: string;
const opened: EngineHandle[] = [];
const make = (o: Partial<CheckpointRequest>): string =>
  ensureCheckpoint({ config: mini, seed: 7, layers: [12, 13], root, ...o });
const open = async (dir: string, keep = false): Promise<EngineHandle> => {
  const e = await native.openEngine({ dir, keep });
  opened.push(e);
  return e;
};

beforeAll(async () => {
  native = await loadNative();
  root = mkdtempSync(join(tmpdir(), "dsv4-engine-"));
}, 600_000);
afterAll(async () => {
  await Promise.all(opened.map((e) => e.close()));
  rmSync(root, { recursive: true, force: true });
});

const names = (taps: readonly Tap[]): string[] => taps.map((t) => t.name);
const same = (a: ArrayBufferView, b: ArrayBufferView): boolean =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));
const sameTaps = (a: readonly Tap[], b: readonly Tap[]): void => {
  expect(names(a)).toEqual(names(b));
  expect(a.filter((t, i) => !same(t.data, b[i].data)).map((t) => t.name)).toEqual([]);
};

describe("ranges of layers", () => {
  let engine: EngineHandle;
  beforeAll(async () => {
    engine = await open(make({}));
  });
  const run = (o: Partial<RunLayers>) =>
    engine.runLayers({ lo: 12, hi: 13, ids, x: streams, poisonSeed: 1, ...o });

  test("a range is its layers one after the other", async () => {
    const both = await run({});
    const first = await run({ hi: 12 });
    const second = await run({ lo: 13, x: first.x });
    expect(same(second.x, both.x)).toBe(true);
    sameTaps(both.taps, [...first.taps, ...second.taps]);
    expect(both.taps.at(-1)).toMatchObject({
      name: "layers.13.output",
      op: "combine_post",
      dtype: "bf16",
    });
    // between two blocks one launch ends the first and begins the second
    const across = both.taps.filter((t) => t.op === "combine_post_norm").map((t) => t.name);
    expect([across.at(0), across.at(-1)]).toEqual(["layers.12.ffn.out", "layers.13.attn.y_fp8.s"]);
    expect(same(both.taps.at(-1)!.data, both.x)).toBe(true);
  });

  test("every tap has its own name, its bytes, and nothing unwritten", async () => {
    const { taps, damage } = await run({});
    expect(damage).toEqual([]);
    expect(new Set(names(taps)).size).toBe(taps.length);
    expect(taps.filter((t) => t.unwritten > 0)).toEqual([]);
    expect(taps.find((t) => t.name === "layers.12.attn.indexer.topk")?.shape).toEqual([N, 2]);
    expect(taps.find((t) => t.name === "layers.13.attn.keys")?.shape).toEqual([N, c.window]);
    expect(names(taps)).toContain("layers.12.ffn.dispatch.slot_row");
    expect(names(taps)).not.toContain("layers.13.attn.compressor.pooled");
  });

  test("neither the poison nor tapping changes a byte", async () => {
    const a = await run({ poisonSeed: 1 });
    const b = await run({ poisonSeed: 99 });
    sameTaps(a.taps, b.taps);
    const quiet = await run({ taps: false });
    expect(quiet.taps).toEqual([]);
    expect(same(quiet.x, a.x)).toBe(true);
  });

  test("counts every launch under its site where that is asked for", async () => {
    const options = { async: "lazy", seed: 0, checks: true, maxInstructions: 0 } as const;
    const short = { ids: ids.subarray(0, 1), x: streams.subarray(0, c.hc * c.d_model) };
    native.virtual({ ...options, profile: true });
    const counted = await run(short).finally(() => native.virtual({ ...options, profile: false }));
    const launchesOf = (t: Tap) => counted.profiles.filter((p) => p.op === t.op && p.site === t.site);
    expect(counted.taps.filter((t) => launchesOf(t).length !== 1).map((t) => t.name)).toEqual([]);
    expect(new Set(counted.taps.flatMap(launchesOf)).size).toBe(counted.profiles.length);
    for (const p of counted.profiles) expect(parseProfiles(p.counts).map((x) => x.kernel)).toEqual([p.op]);
    expect((await run(short)).profiles).toEqual([]);
  });

  test("a single token, and progress after each layer", async () => {
    const seen: number[] = [];
    const d = c.hc * c.d_model;
    const one = await run({
      ids: ids.subarray(0, 1),
      x: streams.subarray(0, d),
      onLayer: (i) => seen.push(i),
    });
    const all = await run({});
    expect(seen).toEqual([12, 13]);
    // the first token sees nothing of the later ones
    expect(same(one.x, all.x.subarray(0, d))).toBe(true);
  });

  test("runs queue up and stay apart", async () => {
    const xs = [0, 1, 2].map((k) => streams.map((v, i) => (i % 3 === k ? 0 : v)));
    const alone: Uint16Array[] = [];
    for (const x of xs) alone.push((await run({ x, taps: false })).x);
    const together = await Promise.all(xs.map((x) => run({ x, taps: false })));
    together.forEach((r, k) => expect(same(r.x, alone[k])).toBe(true));
  });

  test("cancelling ends a run between two launches", async () => {
    const stop = new AbortController();
    const r = run({ signal: stop.signal, onLayer: () => stop.abort() });
    await expect(r).rejects.toThrow(/^cancelled$/);
  });

  const bad: [string, Partial<RunLayers>, RegExp][] = [
    ["no tokens", { ids: new Int32Array() }, /prompt: expected 1\.\.512 tokens, got 0/],
    ["too many tokens", { ids: new Int32Array(513) }, /prompt: expected 1\.\.512 tokens, got 513/],
    [
      "id outside the vocabulary",
      { ids: Int32Array.of(1024) },
      /prompt: expected token ids in 0\.\.1023, got 1024/,
    ],
    [
      "streams of another size",
      { x: streams.subarray(1) },
      /x: expected 27648 bytes of bf16 \[9, 4, 384\], got 27646/,
    ],
    ["no streams", { x: undefined }, /x: expected the streams that enter layer 12, got none/],
    [
      "layer of another checkpoint",
      { lo: 11 },
      /expected layer 11, got a checkpoint without it \(partial\.json\)/,
    ],
    ["reversed range", { lo: 13, hi: 12 }, /blocks: expected 0 <= lo <= hi < 61, got 13\.\.12/],
    ["head in the middle", { head: true }, /expected a run to the last layer 60, got one to 13/],
    ["sampling without logits", { sample: { temperature: 0, top_p: 1, seed: 0 } }, /sample: expected head/],
  ];
  test.each(bad)("refuses %s", async (_, change, sentence) => {
    await expect(run(change)).rejects.toThrow(sentence);
  });
});

test("layers kept on the device give the same bytes twice", async () => {
  const dir = make({});
  const q = { lo: 12, hi: 13, ids, x: streams };
  const kept = await open(dir, true);
  const a = await kept.runLayers(q);
  const b = await kept.runLayers(q);
  sameTaps(a.taps, b.taps);
  sameTaps(a.taps, (await (await open(dir)).runLayers(q)).taps);
});

test("from token ids: hash-routed layers choose what the table says", async () => {
  const engine = await open(make({ layers: [0], top: true }));
  const { taps } = await engine.runLayers({ lo: 0, hi: 0, ids });
  expect(taps[0]).toMatchObject({ name: "embed", shape: [N, c.hc, c.d_model] });
  const chosen = taps.find((t) => t.name === "layers.0.ffn.gate.ids")?.data as Int32Array;
  const again = await engine.runLayers({ lo: 0, hi: 0, ids: ids.map((v, i) => (i === 4 ? ids[0] : v)) });
  const table = again.taps.find((t) => t.name === "layers.0.ffn.gate.ids")?.data as Int32Array;
  expect([...table.subarray(4 * c.n_act, 5 * c.n_act)]).toEqual([...chosen.subarray(0, c.n_act)]);
});

test("last layer, logits, sampler and MTP block", async () => {
  const engine = await open(make({ layers: [60, 61], top: true }));
  const q: RunLayers = {
    lo: 60,
    hi: 60,
    ids,
    x: streams,
    head: true,
    mtpIds: ids.map((v) => (v + 1) % c.vocab),
  };
  const r = await engine.runLayers({ ...q, sample: { temperature: 0, top_p: 1, seed: 0 } });
  const logits = r.logits!;
  expect(logits).toHaveLength(N * c.vocab);
  const best = Array.from({ length: N }, (_, t) => {
    const row = logits.subarray(t * c.vocab, (t + 1) * c.vocab);
    return row.indexOf(Math.max(...row));
  });
  expect([...r.sampled!]).toEqual(best);
  const tail = [
    "mtp.0.embed",
    "mtp.0.fuse",
    "mtp.0.output",
    "mtp.0.hc_head",
    "mtp.0.final_norm",
    "mtp.0.logits",
  ];
  expect(names(r.taps)).toEqual(
    expect.arrayContaining([...tail, "hc_head", "final_norm", "logits", "sample"]),
  );
  const warm = { temperature: 1.5, top_p: 0.9, seed: 11 };
  const s = await engine.runLayers({ ...q, mtpIds: undefined, sample: warm });
  const t = await engine.runLayers({ ...q, mtpIds: undefined, sample: warm });
  expect(s.sampled).toEqual(t.sampled);
});

test("ModelOpt NVFP4 experts", async () => {
  const engine = await open(make({ config: loadConfig("mini", "nvfp4"), layers: [12] }));
  const { taps } = await engine.runLayers({ lo: 12, hi: 12, ids, x: streams });
  expect(taps.find((t) => t.name === "layers.12.ffn.y_nvfp4.q")).toMatchObject({ dtype: "e2m1" });
  expect(taps.find((t) => t.name === "layers.12.ffn.experts.w2")).toMatchObject({
    op: "expert_linear_nvfp4",
  });
});

test("a token routed to an absent expert is an error that names layer and expert", async () => {
  const whole = await open(make({ layers: [12] }));
  const q = { lo: 12, hi: 12, ids, x: streams };
  const { taps, x } = await whole.runLayers(q);
  const used = new Set(taps.find((t) => t.name === "layers.12.ffn.gate.ids")?.data as Int32Array);
  const enough = [...used].sort((a, b) => a - b);
  const just = await open(make({ layers: [12], experts: { 12: enough } }));
  expect(same((await just.runLayers(q)).x, x)).toBe(true);
  const [gone, ...rest] = enough;
  const short = await open(make({ layers: [12], experts: { 12: rest } }));
  await expect(short.runLayers(q)).rejects.toThrow(
    new RegExp(`layers\\.12\\.ffn\\.experts: expected expert ${gone}, which token \\d+ is routed to`),
  );
});

test("expert ids outside the model in tid2eid are refused when the table is read", async () => {
  const dir = make({ layers: [1], top: true, seed: 8 });
  const file = join(dir, "model-00003-of-00063.safetensors");
  const bytes = readFileSync(file);
  const header = 8 + Number(bytes.readBigUInt64LE(0));
  const { data_offsets } = (
    JSON.parse(bytes.subarray(8, header).toString()) as Record<string, { data_offsets: number[] }>
  )["layers.1.ffn.gate.tid2eid"];
  bytes.writeBigInt64LE(4294967297n, header + data_offsets[0] + 8 * 5);
  writeFileSync(file, bytes);
  await expect((await open(dir)).runLayers({ lo: 1, hi: 1, ids, x: streams })).rejects.toThrow(
    /tensor "layers\.1\.ffn\.gate\.tid2eid": expected expert ids in 0\.\.15, got 4294967297 at element 5/,
  );
});

test("a closed engine says so", async () => {
  const engine = await native.openEngine({ dir: make({}) });
  await engine.close();
  await engine.close();
  await expect(engine.runLayers({ lo: 12, hi: 12, ids, x: streams })).rejects.toThrow(
    /expected an open engine, got a closed one/,
  );
});
