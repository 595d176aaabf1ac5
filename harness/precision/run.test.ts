/** Whole chains of a few layers: what a choice costs is zero where it rounds nothing, and grows with coarser formats. */
import { expect, test } from "vitest";
import { loadConfig } from "../../fixtures/configs.ts";
import { syntheticWeights } from "../../fixtures/reader.ts";
import { syntheticTokens } from "../../fixtures/streams.ts";
import { faithful, values } from "../../oracle/num/index.ts";
import type { Tensor } from "../../oracle/tensor.ts";
import { ExactChain, runUnit } from "../chains.ts";
import { chainOf, runChain, type ChainPlan, type LayerTaps } from "./chain.ts";
import { CHOICES, IDEAL, SHIPPED, type Choice } from "./choices.ts";
import { scaledContext } from "./context.ts";
import { measureLayer, measureLogits, type LayerMeasure } from "./measure.ts";
import { measureChoices } from "./run.ts";
import { decodePrecision, encodePrecision } from "./record.ts";
import { runJob, type LayerFound } from "./thread.ts";
import { sampleRecord } from "./testing.ts";

const [N_TOK, LAYERS] = [12, 4];
const config = scaledContext(loadConfig("mini").config, N_TOK);
const plan = (choice: Choice, ideal: readonly LayerTaps[] | null): ChainPlan => ({
  config,
  choice,
  seed: 1,
  layers: LAYERS,
  ids: syntheticTokens(config, N_TOK, 1),
  calibration: ideal && ideal.map((l) => l.calibration),
});

async function chain(
  choice: Choice,
  ideal: readonly LayerTaps[] | null = null,
): Promise<{ layers: LayerTaps[]; logits: Float64Array }> {
  const layers: LayerTaps[] = [];
  const p = plan(choice, ideal);
  const logits = await runChain(p, chainOf(p), (l) => void layers.push(l.taps));
  return { layers, logits };
}
const measures = (x: readonly LayerTaps[], ideal: readonly LayerTaps[]): LayerMeasure[] =>
  x.map((l, i) => measureLayer(l, ideal[i], { n_tok: N_TOK, hc: config.hc, ratio: config.layers[i].ratio }));
const choice = (id: string): Choice => CHOICES.find((c) => c.id === id)!;

const ideal = await chain(IDEAL);
/** Relative L2 of the streams after each layer. */
const price = async (id: string): Promise<number[]> =>
  measures((await chain(choice(id), ideal.layers)).layers, ideal.layers).map((m) => m.streams.rel_l2);

test("a choice that rounds nothing costs nothing, whichever op its experts run in", async () => {
  const again = await chain({ ...IDEAL, id: "nothing" });
  for (const m of measures(again.layers, ideal.layers)) {
    expect(m.streams).toMatchObject({ rel_l2: 0, cosine: 1, by_stream: [0, 0, 0, 0] });
    expect([m.collapsed.rel_l2, m.router_flips ?? 0, m.topk_overlap ?? 1]).toEqual([0, 0, 1]);
  }
  expect(measureLogits(again.logits, ideal.logits, N_TOK)).toMatchObject({ kl_mean: 0, top1_agreement: 1 });
  // the same numbers through the NVFP4 op, whose scales divide and multiply: rounding of float64 only
  const nvfp4 = await chain({ ...IDEAL, experts: { op: "nvfp4", weights: "master" } }, ideal.layers);
  for (const m of measures(nvfp4.layers, ideal.layers)) expect(m.streams.rel_l2).toBeLessThan(1e-12);
});

test("coarser formats cost more, all formats more than one, and f32 next to nothing", async () => {
  const [fp8, nvfp4, f32, bf16, mx, nv, shipped] = await Promise.all(
    [
      "kv-fp8",
      "kv-nvfp4",
      "values-f32",
      "streams-bf16",
      "expert-weights-mxfp4",
      "expert-weights-nvfp4",
      "shipped",
    ].map(price),
  );
  for (let l = 0; l < LAYERS; l++) {
    expect(fp8[l]).toBeGreaterThan(0);
    expect(nvfp4[l]).toBeGreaterThan(fp8[l]);
    expect(bf16[l]).toBeGreaterThan(f32[l]);
    expect(mx[l]).toBeGreaterThan(nv[l]); // blocks of 32 against 16
    expect(shipped[l]).toBeGreaterThan(Math.max(mx[l], fp8[l], bf16[l]));
    expect(f32[l]).toBeLessThan(1e-5);
  }
  // a layer adds its error to what came in
  for (const errors of [fp8, nvfp4, mx, shipped]) expect(errors[LAYERS - 1]).toBeGreaterThan(errors[0]);
});

test("the shipped chains are the faithful oracle on the checkpoint, bit for bit", async () => {
  const weights = syntheticWeights(config, 1);
  const { ids } = plan(SHIPPED, null);
  const want: Tensor[] = [];
  for (let layer = 0; layer < LAYERS; layer++) {
    const unit = { layer, embed: layer === 0, tail: false };
    const ex = new ExactChain("faithful");
    want.push(
      await runUnit(config, weights, faithful, ex, unit, { ids, next: ids }, want[layer - 1] ?? null),
    );
  }
  const { layers } = await chain(SHIPPED);
  want.forEach((x, l) => expect(layers[l].streams).toEqual(values(x)));
});

test("each op and each layer of the shipped chain is priced alone", async () => {
  const found: LayerFound[] = [];
  const job = { config: "mini", n_tok: N_TOK, seed: 1, layers: LAYERS, choice: SHIPPED, calibration: null };
  await runJob(job, (l) => found.push(l));
  for (const l of found) {
    const names = l.isolated!.map((p) => p.name);
    expect(names).toContain("attn.q_a");
    expect(new Set(names).size).toBe(names.length);
    const at = (name: string): number => l.isolated!.find((p) => p.name === name)!.gap.rel_l2;
    // e4m3 keeps four significant bits, e2m1 two; a bf16 rounding is 2^-9 at most
    expect(at("attn.y_fp8")).toBeGreaterThan(0.015);
    expect(at("attn.y_fp8")).toBeLessThan(2 ** -4);
    expect(at("ffn.experts.w1")).toBeGreaterThan(at("attn.q_a"));
    expect(at("attn_norm")).toBeLessThan(2 ** -8);
    expect(at("attn_norm")).toBeGreaterThan(0);
    expect(l.own!.rel_l2).toBeGreaterThan(0);
  }
  // the first layer's input is the embedding in both chains, so its own error is all there is
  const [first] = measures([found[0].taps], ideal.layers);
  expect(found[0].own!.rel_l2).toBeCloseTo(first.streams.rel_l2, 12);
  expect(found.map((l) => l.places !== null)).toEqual([false, false, true, true]);
  expect(found[3].places!.find((p) => p.name === "ffn.experts.w2")!.rows).toHaveLength(N_TOK * config.n_act);
});

test("threads give what one thread gives, and an interrupt keeps the choices that are through", async () => {
  const abort = new AbortController();
  const choices = ["kv-fp8", "streams-bf16", "expert-acts-nvfp4"].map(choice);
  const p = { name: "mini", config, n_tok: N_TOK, seed: 1, layers: LAYERS, choices, jobs: 1 };
  const found = await measureChoices(p, abort.signal, (title, layer) => {
    if (title === choice("streams-bf16").title && layer === 1) abort.abort();
  });
  expect(found.choices.map((c) => c.id)).toEqual(["kv-fp8"]);
  expect(found.unfinished).toEqual(["expert-acts-nvfp4", "streams-bf16"]);
  expect(found.choices[0].layers.map((l) => l.streams.rel_l2)).toEqual(await price("kv-fp8"));
  expect(found.ideal_rms).toHaveLength(LAYERS);
  // a chain that fails is an error and no interrupt
  await expect(
    measureChoices({ ...p, name: "nano" }, new AbortController().signal, () => undefined),
  ).rejects.toThrow(/^config: expected one of .*, got "nano"$/);
});

test("an NVFP4 chain without calibration is refused", async () => {
  await expect(chain(choice("shipped-nvfp4"))).rejects.toThrow("expected a calibrated input scale, got none");
});

test("a record comes back from JSON as it went, and a wrong one is named", () => {
  const r = sampleRecord();
  expect(decodePrecision(encodePrecision(r), "p.json")).toEqual(r);
  const infinite = { ...r, wall_s: Infinity };
  expect(decodePrecision(encodePrecision(infinite), "p.json").wall_s).toBe(Infinity);
  expect(() => decodePrecision(JSON.stringify({ ...r, tokens: -1 }), "p.json")).toThrow(
    /^p\.json: expected a precision record, got tokens: /,
  );
});
