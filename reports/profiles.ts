/** What each op's launches did, summed by op for every report: counts of the virtual SM100, and the time of a model. */
import { LIMITS, type Limit, type Mode, type Profile, type Results } from "../harness/result.ts";

/** Stands beside every figure of a profile. */
export const CAVEAT =
  "Counts are the virtual SM100's. Times are a model of a B200 from public limits (a launch takes what its slowest unit needs at the least), never a measurement.";

/** Bytes of device memory. */
export interface Traffic {
  /** Each byte once. */
  readonly unique: number;
  /** As often as threads and bulk copies ask. */
  readonly total: number;
}

interface Sums {
  readonly read: Traffic;
  readonly written: Traffic;
  /** Inputs that must be read, and outputs, each byte once. */
  readonly unavoidable: { readonly read: number; readonly write: number };
  /** Multiply-adds given to tensor cores; null where none was. */
  readonly macs: { readonly issued: number; readonly useful: number | null } | null;
  /** Wavefronts of shared memory beyond those that the bytes need. */
  readonly conflicts: number;
  /** Of bar, mbarrier and cluster barriers. */
  readonly waits: number;
  /** Bytes a CTA; of several launches the most. */
  readonly shared: number;
  /** Values of a thread alive at once in the PTX; of several launches the most. */
  readonly registers: number;
  /** Modelled microseconds. */
  readonly us: number;
  /** What binds; of several launches, what binds them for the longest time. */
  readonly limit: Limit;
}

/** One launch. */
export interface Launch extends Sums {
  readonly grid: readonly number[];
  readonly block: readonly number[];
  readonly cluster: readonly number[];
  readonly tmem_columns: number;
  readonly thread_instructions: number;
  /** The unit that binds. */
  readonly bound: string;
}

export interface OpProfile extends Sums {
  readonly op: string;
  readonly family: string;
  readonly launches: number;
  /** `us` by what binds the launches. */
  readonly by_limit: Readonly<Record<Limit, number>>;
  /** Of the modelled time of all ops that ran; null for suite cases, which are no layer. */
  readonly share: number | null;
}

export function launchOf(p: Profile): Launch {
  const { counts, model } = p;
  const { bytes } = counts;
  const total = (...of: ({ total?: number } | undefined)[]): number =>
    of.reduce((sum, x) => sum + (x?.total ?? 0), 0);
  const issued = Object.values(counts.mma).reduce((sum, m) => sum + m.issued, 0);
  return {
    grid: counts.grid,
    block: counts.block,
    cluster: counts.cluster,
    tmem_columns: counts.tmem_columns,
    thread_instructions: counts.thread_instructions,
    read: { unique: bytes.global_read_unique, total: total(bytes.global_load, bytes.tma_load) },
    written: { unique: bytes.global_write_unique, total: total(bytes.global_store, bytes.tma_store) },
    unavoidable: p.unavoidable,
    macs: issued > 0 ? { issued, useful: p.useful_macs } : null,
    conflicts: counts.shared_wavefronts.issued - counts.shared_wavefronts.ideal,
    waits: counts.waits.barrier + counts.waits.mbarrier + counts.waits.cluster,
    shared: counts.static_smem + counts.dynamic_smem,
    registers: counts.registers,
    us: model.microseconds,
    bound: model.bound,
    limit: model.limit,
  };
}

/** A call's first launch: later ones repeat its work, to see whether bits agree. */
const first = (p: Profile): boolean => p.turn === 0;

/** Launches by mode, case and site of their call, as JSON. */
export const launches = (r: Results): Readonly<Record<string, Launch>> =>
  Object.fromEntries(
    r.profiles.filter(first).map((p) => [JSON.stringify([p.mode, p.case, p.site]), launchOf(p)]),
  );

const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);
const most = (xs: readonly number[]): number => xs.reduce((a, b) => Math.max(a, b), 0);

const traffic = (xs: readonly Traffic[]): Traffic => ({
  unique: sum(xs.map((x) => x.unique)),
  total: sum(xs.map((x) => x.total)),
});

function macs(all: readonly Launch["macs"][]): OpProfile["macs"] {
  const some = all.filter((m) => m !== null);
  if (some.length === 0) return null;
  const useful = some.map((m) => m.useful).filter((n) => n !== null);
  return {
    issued: sum(some.map((m) => m.issued)),
    useful: useful.length === some.length ? sum(useful) : null,
  };
}

/** Each op's launches in `mode`, the longest modelled time first. */
export function opProfiles(r: Results, mode: Mode): OpProfile[] {
  const ops = new Map<string, { family: string; launches: Launch[] }>();
  for (const p of r.profiles) {
    if (p.mode !== mode || !first(p)) continue;
    let entry = ops.get(p.op);
    if (!entry) ops.set(p.op, (entry = { family: p.family, launches: [] }));
    entry.launches.push(launchOf(p));
  }
  const all = sum([...ops.values()].flatMap((o) => o.launches.map((l) => l.us)));
  return [...ops]
    .map(([op, { family, launches: ls }]): OpProfile => {
      const us = sum(ls.map((l) => l.us));
      const by_limit = Object.fromEntries(
        LIMITS.map((limit) => [limit, sum(ls.filter((l) => l.limit === limit).map((l) => l.us))]),
      ) as Record<Limit, number>;
      return {
        op,
        family,
        launches: ls.length,
        read: traffic(ls.map((l) => l.read)),
        written: traffic(ls.map((l) => l.written)),
        unavoidable: {
          read: sum(ls.map((l) => l.unavoidable.read)),
          write: sum(ls.map((l) => l.unavoidable.write)),
        },
        macs: macs(ls.map((l) => l.macs)),
        conflicts: sum(ls.map((l) => l.conflicts)),
        waits: sum(ls.map((l) => l.waits)),
        shared: most(ls.map((l) => l.shared)),
        registers: most(ls.map((l) => l.registers)),
        us,
        by_limit,
        limit: LIMITS.reduce((a, b) => (by_limit[b] > by_limit[a] ? b : a)),
        share: mode === "op" || all === 0 ? null : us / all,
      };
    })
    .sort((a, b) => b.us - a.us);
}

/** Bytes that moved over those that must, each once; null where none must. */
export function overUnavoidable(p: Sums): number | null {
  const must = p.unavoidable.read + p.unavoidable.write;
  return must === 0 ? null : (p.read.unique + p.written.unique) / must;
}

export const usefulShare = (p: Sums): number | null =>
  p.macs === null || p.macs.useful === null ? null : p.macs.useful / p.macs.issued;

/** The mode whose launches a report with room for one shows: the engine's own chain where it ran. */
export const profiledMode = (r: Results): Mode | null =>
  r.header.modes.findLast((mode) => r.profiles.some((p) => p.mode === mode)) ?? null;
