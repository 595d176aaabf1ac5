/** What the virtual SM100 counts of a launch (native/sim/machine/profile.h writes this JSON), and what the model makes of it. */
import { z } from "zod";
import { LIMITS } from "./roofline.ts";

const count = z.number().nonnegative();
const total = z.object({ total: count }).partial();
const dims = z.array(count).length(3);

export const launchProfile = z.object({
  kernel: z.string(),
  grid: dims,
  block: dims,
  cluster: dims,
  registers: count,
  static_smem: count,
  dynamic_smem: count,
  tmem_columns: count,
  warp_instructions: count,
  thread_instructions: count,
  seconds: count,
  instructions: z.record(z.string(), z.object({ warp: count, thread: count })),
  bytes: z.object({
    global_read_unique: count,
    global_write_unique: count,
    global_load: total.optional(),
    global_store: total.optional(),
    shared_load: total.optional(),
    shared_store: total.optional(),
    tmem_load: total.optional(),
    tmem_store: total.optional(),
    tma_load: total.optional(),
    tma_store: total.optional(),
    local_load: total.optional(),
    local_store: total.optional(),
  }),
  mma: z.record(z.string(), z.object({ issued: count })),
  waits: z.object({ barrier: count, mbarrier: count, cluster: count }),
  shared_wavefronts: z.object({ issued: count, ideal: count }),
  global_sectors: z.object({ issued: count, ideal: count }),
});
export type LaunchProfile = z.infer<typeof launchProfile>;

/** A launch's time on a B200 as roofline.ts models it, never a measurement. */
export const launchModel = z.object({
  device: z.literal("B200"),
  microseconds: count,
  /** The slowest term, and what kind of unit it is. */
  bound: z.string(),
  limit: z.enum(LIMITS),
  /** SMs that have work: CTAs beyond 148 share them. */
  sms: count,
  /** Slowest first. */
  terms: z.array(z.object({ name: z.string(), limit: z.enum(LIMITS), microseconds: count })),
});
export type LaunchModel = z.infer<typeof launchModel>;

/** Multiply-adds that tensor cores were given, padding included. */
export const issuedMacs = (p: LaunchProfile): number =>
  Object.values(p.mma).reduce((sum, m) => sum + m.issued, 0);

export const parseProfiles = (json: string): LaunchProfile[] =>
  z.array(launchProfile).parse(JSON.parse(json));
