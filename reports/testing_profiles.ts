/** For the reports' tests: runs whose launches were counted. */
import type { Limit, Mode, Profile, Results } from "../harness/result.ts";
import { modelRun } from "./testing.ts";

export interface ProfileSpec {
  readonly op?: string;
  readonly family?: string;
  readonly site?: string;
  readonly mode?: Mode;
  readonly layer?: number | null;
  readonly case?: string | null;
  readonly turn?: number;
  readonly read?: number;
  readonly written?: number;
  readonly must?: number;
  readonly issued?: number;
  readonly useful?: number | null;
  readonly conflicts?: number;
  readonly us?: number;
  readonly limit?: Limit;
}

export function profile(o: ProfileSpec = {}): Profile {
  const mode = o.mode ?? "isolated";
  const site = o.site ?? "layers.12.attn.q_a";
  const issued = o.issued ?? 1 << 20;
  const us = o.us ?? 1.5;
  const limit = o.limit ?? "memory";
  const turn = o.turn ?? 0;
  return {
    kind: "profile",
    key: `${mode}|${o.case ?? "model"}|${site}|${turn}`,
    mode,
    op: o.op ?? "linear_fp8",
    family: o.family ?? "linear",
    site,
    layer: o.layer === undefined ? 12 : o.layer,
    case: o.case ?? null,
    turn,
    counts: {
      kernel: o.op ?? "linear_fp8",
      grid: [4, 2, 1],
      block: [128, 1, 1],
      cluster: [1, 1, 1],
      registers: 96,
      static_smem: 1024,
      dynamic_smem: 32768,
      tmem_columns: 0,
      warp_instructions: 5000,
      thread_instructions: 160000,
      seconds: 0.01,
      instructions: { mma: { warp: 100, thread: 3200 } },
      bytes: {
        global_read_unique: o.read ?? 3000,
        global_write_unique: o.written ?? 1000,
        global_load: { total: 2 * (o.read ?? 3000) },
        tma_load: { total: 10 },
        global_store: { total: o.written ?? 1000 },
      },
      mma: issued > 0 ? { "mma.f16": { issued } } : {},
      waits: { barrier: 3, mbarrier: 4, cluster: 5 },
      shared_wavefronts: { issued: 500 + (o.conflicts ?? 25), ideal: 500 },
      global_sectors: { issued: 100, ideal: 90 },
    },
    unavoidable: { read: o.must ?? 3000, write: o.must === 0 ? 0 : 1000 },
    useful_macs: issued > 0 ? (o.useful === undefined ? issued / 2 : o.useful) : null,
    model: {
      device: "B200",
      microseconds: us,
      bound: limit === "memory" ? "device memory" : limit === "tensor" ? "mma.f16" : limit,
      limit,
      sms: 8,
      terms: [{ name: "device memory", limit: "memory", microseconds: us }],
    },
  };
}

const LINEAR = /linear|attention|scores/;

/** A model run whose every call was counted, in both modes. */
export function profiledRun(layers = 3): Results {
  const run = modelRun(layers);
  const sites = new Map<string, Profile>();
  for (const r of run.rows) {
    const call = r.site.replace(/\.(pre|post|comb|ids|weights)$/, "");
    const site = r.site.endsWith(`.${r.output}`) ? call : r.site;
    const size = 1 + ((r.op.length * 37) % 11);
    const dense = LINEAR.test(r.op);
    const p = profile({
      op: r.op,
      family: r.family,
      site,
      mode: r.mode,
      layer: r.layer,
      read: 1e6 * size,
      written: 2e5 * size,
      must: 9e5 * size,
      issued: dense ? 1e8 * size : 0,
      useful: dense ? 6e6 * size * size : null,
      us: 0.4 * size,
      limit: dense ? "tensor" : size % 3 === 0 ? "CUDA cores" : size % 3 === 1 ? "memory" : "shared memory",
    });
    sites.set(p.key, p);
  }
  return { ...run, profiles: [...sites.values()] };
}
