/** For the reports' tests: runs made of rows as the harness writes them. */
import type { Decisions, Metrics, Mode, Results, Row, RunHeader, Status } from "../harness/result.ts";
import { STATUSES } from "../harness/result.ts";

export const header = (o: Partial<RunHeader> = {}): RunHeader => ({
  kind: "run",
  schema: 2,
  started: "2026-01-02T03:04:05.000Z",
  command: "pnpm verify --layer 12",
  identity: "5f2d9c1a",
  config: "mini",
  format: "mxfp4",
  tokens: 64,
  seed: 7,
  layers: [12],
  ops: [],
  modes: ["isolated"],
  expected_units: 0,
  device: { id: "sim", name: "virtual SM100", virtual: true, detail: { policy: "lazy" } },
  tf_backend: "tfjs 4.22.0 wasm",
  tolerance: "1",
  environment: {
    commit: "abc1234",
    dirty: false,
    node: "20.20.2",
    os: "linux x64",
    cpu: "a processor",
    cores: 2,
    memory_gb: 24,
    versions: { nvcc: "13.0" },
  },
  ...o,
});

export const metrics = (relL2: number, o: Partial<Metrics> = {}): Metrics => ({
  n: 4096,
  differ: relL2 === 0 ? 0 : 37,
  calc_diff: relL2 ** 2 / 2,
  cosine: 1 - relL2 ** 2 / 2,
  rel_l2: relL2,
  norm_ratio: 1 + relL2 / 10,
  max_abs: relL2 * 3,
  worst_row: { index: [5], value: relL2 * 2 },
  worst_col: { index: [77], value: relL2 * 2.5 },
  worst_block: { index: [5, 3], value: relL2 * 3 },
  ulp: { max: relL2 === 0 ? 0 : 2, histogram: relL2 === 0 ? [4096] : [4059, 30, 7] },
  bias: { n: relL2 === 0 ? 0 : 37, share_up: 0.51, sigma: 0.2 },
  zeros: { native: 0, faithful: 0 },
  saturated: { native: 0, faithful: 0 },
  nonfinite: {
    native: { nan: 0, pos_inf: 0, neg_inf: 0 },
    faithful: { nan: 0, pos_inf: 0, neg_inf: 0 },
  },
  ...o,
});

export interface RowSpec {
  readonly status?: Status;
  readonly mode?: Mode;
  readonly layer?: number | null;
  readonly case?: string | null;
  readonly op?: string;
  readonly family?: string;
  readonly site?: string;
  readonly output?: string;
  readonly dtype?: string;
  readonly rel?: number;
  readonly share?: number | null;
  readonly sentence?: string;
  readonly text?: string;
  readonly decisions?: Decisions | null;
  readonly native_ms?: number | null;
  readonly by_token?: number[] | null;
  readonly measured?: boolean;
}

export function row(o: RowSpec = {}): Row {
  const status = o.status ?? "PASS";
  const site = o.site ?? "layers.12.attn.q_a";
  const mode = o.mode ?? "isolated";
  const layer = o.layer === undefined ? 12 : o.layer;
  const rel = o.rel ?? 1e-4;
  const share = o.share === undefined ? 0.4 : o.share;
  const measured = o.measured ?? status !== "UNSUPPORTED";
  const text = o.text ?? "the reason";
  const base = {
    kind: "row" as const,
    key: `${mode}/${layer ?? o.case}/${site}`,
    mode,
    op: o.op ?? "linear_fp8",
    family: o.family ?? "linear",
    site,
    output: o.output ?? "y",
    layer,
    case: o.case ?? null,
    dtype: o.dtype ?? "bf16",
    shape: [64, 256],
    sentence: o.sentence ?? `${site} is within its bound.`,
    metrics: measured ? metrics(rel) : null,
    checks: measured
      ? [
          {
            name: "rel_l2",
            value: rel,
            bound: rel / (share ?? 1),
            share: share ?? NaN,
            ok: (share ?? NaN) <= 1,
          },
          { name: "worst_block", value: rel * 3, bound: rel * 12, share: 0.25, ok: true, at: [5, 3] },
        ]
      : [],
    share: measured ? share : null,
    why: "f32 accumulation order over K",
    worst_element: measured
      ? {
          at: [5, 400],
          native: 1.0078125,
          faithful: 1,
          ideal: 1.001,
          native_bits: "0x3f81",
          faithful_bits: "0x3f80",
          ulp: 1,
        }
      : null,
    price: { calc_diff: 1e-6, rel_l2: 2e-3 },
    oracles: {
      against: "ideal" as const,
      rel_l2: 3e-7,
      bound: 1e-4,
      agree: true,
      backend: "tfjs 4.22.0 wasm",
    },
    decisions: o.decisions ?? null,
    time_ms: { native: o.native_ms === undefined ? 12.5 : o.native_ms, faithful: 80, ideal: 75, tf: 3 },
    counters: { thread_instructions: 123456789 },
    variant: "portable",
    by_token: o.by_token ?? null,
    hashes: { inputs: "aa11", faithful: "bb22", native: "cc33", kernel: "dd44", tolerance: "1" },
  };
  switch (status) {
    case "PASS":
      return { status, ...base, metrics: base.metrics ?? metrics(0) };
    case "FAIL":
    case "FLAKY":
      return { status, stage: text, ...base };
    case "UNSUPPORTED":
    case "VACUOUS":
      return { status, reason: text, ...base };
    case "ERROR":
      return { status, error: text, ...base };
    case "ORACLE_SPLIT":
      return { status, ...base, oracles: { ...base.oracles, agree: false } };
  }
}

export const results = (rows: Row[], o: Partial<Results> = {}): Results => ({
  header: header({ layers: [...new Set(rows.flatMap((r) => (r.layer === null ? [] : [r.layer])))] }),
  rows,
  profiles: [],
  divergences: [],
  done: new Set(),
  end: { kind: "end", wall_s: 7.25, phases: { load: 1.5 }, counts: {}, exit: 0, interrupted: false },
  ...o,
});

const PLACES: readonly (readonly [string, string, string, string, string])[] = [
  ["attn_hc.mix", "hc_mix", "mhc", "mix", "f32"],
  ["attn_hc.pre", "hc_split", "mhc", "pre", "f32"],
  ["attn_hc.post", "hc_split", "mhc", "post", "f32"],
  ["attn_hc.comb", "hc_split", "mhc", "comb", "f32"],
  ["attn_hc.collapsed", "hc_collapse", "mhc", "y", "bf16"],
  ["attn.norm", "rmsnorm", "norm", "y", "bf16"],
  ["attn.q_a", "linear_fp8", "linear", "y", "bf16"],
  ["attn.q_norm", "rmsnorm", "norm", "y", "bf16"],
  ["attn.q_b", "linear_fp8", "linear", "y", "bf16"],
  ["attn.q", "q_norm_rope", "rope", "y", "bf16"],
  ["attn.kv", "linear_fp8", "linear", "y", "bf16"],
  ["attn.kv_rope", "rope", "rope", "y", "bf16"],
  ["attn.index.scores", "index_scores", "index", "s", "f32"],
  ["attn.index.topk", "index_topk", "index", "idx", "i32"],
  ["attn.o", "sparse_attention", "attention", "o", "bf16"],
  ["attn.o_a", "grouped_linear_fp8w", "linear", "y", "bf16"],
  ["attn.o_b", "linear_fp8", "linear", "y", "bf16"],
  ["ffn.gate.ids", "gate_topk", "moe", "ids", "i32"],
  ["ffn.gate.weights", "gate_topk", "moe", "weights", "f32"],
  ["ffn.experts.w1", "expert_linear_mxfp4", "moe", "y", "bf16"],
  ["ffn.experts.act", "swiglu", "moe", "y", "bf16"],
  ["ffn.combine", "moe_combine", "moe", "z", "bf16"],
  ["ffn.out", "hc_post", "mhc", "y", "bf16"],
];

/** A run of `nLayers` layers in both modes, as a verification of the whole model leaves it; layer 37 has a bug in w1. */
export function modelRun(nLayers = 61): Results {
  const rows: Row[] = [];
  // a fixed sequence in [0, 1), so that pictures can be compared
  let state = 1;
  const next = (): number => (state = (state * 48271) % 2147483647) / 2147483647;
  for (const mode of ["isolated", "accumulated"] as const)
    for (let layer = 0; layer < nLayers; layer++) {
      const grown = mode === "isolated" ? 1 : 4 * Math.sqrt(layer + 1);
      for (const [place, op, family, output, dtype] of PLACES) {
        if (place.startsWith("attn.index") && layer % 2 === 1) continue;
        const bad = layer === 37 && place === "ffn.experts.w1";
        const rel = bad ? 0.11 : (2e-5 + 9e-5 * next()) * grown;
        const share = bad ? 84 : Math.min(0.97, 0.05 + 0.6 * next() * next());
        const flips = place === "ffn.gate.ids" && layer % 17 === 3 ? 1 : 0;
        rows.push(
          row({
            mode,
            layer,
            op,
            family,
            output,
            dtype,
            site: `layers.${layer}.${place}`,
            rel: dtype === "i32" ? 0 : rel,
            share: dtype === "i32" ? 0 : share,
            status: bad ? "FAIL" : "PASS",
            text: "worst_block",
            sentence: bad
              ? `layers.${layer}.${place}: relative L2 0.11 of block [5, 3] is 84 times its bound of 0.0013.`
              : `layers.${layer}.${place} is within its bounds.`,
            native_ms: 2 + 40 * next(),
            decisions:
              dtype === "i32"
                ? {
                    n: 64,
                    flips,
                    slack: 2 ** -20,
                    max_regret: flips ? 4e-7 : 0,
                    sum_regret: flips ? 4e-7 : 0,
                    worst: flips ? [{ row: 9, regret: 4e-7, native: [3, 1], faithful: [3, 2] }] : [],
                  }
                : null,
            by_token:
              mode === "accumulated" && place === "ffn.out"
                ? Array.from({ length: 64 }, (_, t) => rel * (0.3 + next() + (layer > 36 && t > 40 ? 30 : 0)))
                : null,
          }),
        );
      }
    }
  return results(rows, {
    header: header({
      command: "pnpm verify --all",
      config: "mini",
      layers: Array.from({ length: nLayers }, (_, i) => i),
      modes: ["isolated", "accumulated"],
    }),
    divergences:
      nLayers > 37
        ? [
            {
              kind: "divergence",
              mode: "accumulated",
              layer: 37,
              token: 41,
              op: "expert_linear_mxfp4",
              site: "layers.37.ffn.experts.w1",
              tile: [41, 3],
              sentence:
                "Native leaves the faithful chain in layer 37 at token 41: expert_linear_mxfp4, row 41, block 3.",
            },
          ]
        : [],
  });
}

/** Every status, every number that JSON lacks, and names that try to be markup. */
export function hostileRun(): Results {
  const evil = `</script><script>globalThis.hacked=1</script><img src=x onerror="hacked=1">"'&]]>`;
  const rows = STATUSES.map((status, i) =>
    row({
      status,
      layer: i,
      site: `layers.${i}.${evil}`,
      op: evil,
      family: "<b>family</b>",
      rel: [NaN, Infinity, 1e-300, 0, 1, -0, 5][i],
      share: [NaN, Infinity, 0.5, null, 1, 0, 99][i],
      sentence: `${evil} | a \`sentence\`\nwith a line break, \u0000 and \ud800`,
      text: evil,
      decisions: {
        n: 0,
        flips: 0,
        slack: 0,
        max_regret: NaN,
        sum_regret: Infinity,
        worst: [{ row: 0, regret: Infinity, native: [NaN], faithful: [1] }],
      },
      by_token: [NaN, Infinity, 0, 1e-5],
      mode: i % 2 === 0 ? "isolated" : "accumulated",
    }),
  );
  return results(rows, {
    header: header({
      command: evil,
      config: evil,
      device: { id: evil, name: evil, virtual: false, detail: {} },
    }),
    divergences: [
      {
        kind: "divergence",
        mode: "isolated",
        layer: null,
        token: null,
        op: evil,
        site: evil,
        tile: [],
        sentence: evil,
      },
    ],
  });
}
