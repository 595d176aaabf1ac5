/** A made-up precision record whose numbers are formulas, for tests of the schema and of reports. */
import { CHOICES, SHIPPED } from "./choices.ts";
import { growthOf } from "./growth.ts";
import type { ChoiceRow, LayerRow, PrecisionRecord } from "./record.ts";

const LAYERS = 61;
const KINDS = Array.from({ length: LAYERS }, (_, i) => (i < 2 || i % 2 === 1 ? "hca" : "csa"));

function layerRow(layer: number, error: number): LayerRow {
  const csa = KINDS[layer] === "csa";
  return {
    layer,
    streams: {
      rel_l2: error,
      cosine: 1 - error ** 2 / 2,
      by_stream: [error, 1.1 * error, 0.9 * error, error],
      worst_token: { token: 3, rel_l2: 2 * error },
    },
    collapsed: { rel_l2: 0.8 * error, cosine: 1 - error ** 2 / 3 },
    router_flips: layer < 3 ? null : Math.min(1, 2 * error),
    topk_overlap: csa ? Math.max(0, 1 - error) : null,
  };
}

/** Errors that grow by 5 % a layer from a start of their own; the indexer's does not start before layer 2. */
function choiceRow(id: string, i: number): ChoiceRow {
  const { title, what, kind } = CHOICES.find((c) => c.id === id)!;
  const start = kind === "shipped" ? 0.04 : 0.04 / 3 ** i;
  const error = KINDS.map((_, l) => (id === "indexer-fp4" && l < 2 ? 0 : start * 1.05 ** l));
  return {
    id,
    title,
    what,
    kind,
    layers: error.map((e, l) => layerRow(l, e)),
    logits: { kl_mean: start / 2, kl_worst: start, top1_agreement: 1 - start, rel_l2: start },
    growth: growthOf(error),
    seconds: 10 + i,
  };
}

export function sampleRecord(change: Partial<PrecisionRecord> = {}): PrecisionRecord {
  const place = (name: string, op: string, cosine: number) => ({
    name,
    op,
    layers: LAYERS,
    isolated: {
      rel_l2: Math.sqrt(2 * (1 - cosine)),
      cosine,
      worst: { layer: 7, cosine: cosine - (1 - cosine) / 2 },
    },
    accumulated: { layer: LAYERS - 1, rel_l2: 0.7, cosine: 0.75 },
  });
  return {
    kind: "precision",
    schema: 1,
    started: "2026-01-02T03:04:05.000Z",
    command: "pnpm precision",
    config: "mini",
    tokens: 32,
    seed: 0,
    layers: KINDS as PrecisionRecord["layers"],
    context: { scaled: true, window: 16, hca_ratio: 16, index_topk: 4 },
    method: ["Ideal: float64.", "Masters are drawn."],
    ideal_rms: KINDS.map((_, l) => 30 + l),
    choices: CHOICES.map((c, i) => choiceRow(c.id, i)),
    shipped: {
      id: SHIPPED.id,
      own: KINDS.map(() => ({ rel_l2: 0.04, cosine: 0.9992 })),
      places: [
        place("attn.y_fp8", "act_quant_fp8", 0.9996),
        place("ffn.experts.w1", "expert_linear_mxfp4", 0.995),
        { ...place("ffn.experts.w2", "expert_linear_mxfp4", 0.994), accumulated: null },
        place("output", "hc_post", 1),
      ],
    },
    unfinished: [],
    wall_s: 123.4,
    environment: {
      commit: "0123456789ab",
      dirty: false,
      node: "v20",
      os: "Linux",
      cpu: "a CPU",
      cores: 2,
      memory_gb: 25,
      versions: {},
    },
    ...change,
  };
}
