/**
 * What a launch that the virtual SM100 counted would take on a B200 at the least: a model from public limits, never a measurement.
 * Each resource the launch uses gives a time; the largest is the bound and names the bottleneck.
 */
import type { LaunchModel, LaunchProfile } from "./profile.ts";

/** Limits of one B200 (HGX, 1000 W). Sources: NVIDIA Blackwell architecture brief for HBM and tensor rates; FlashAttention-4's microbenchmarks for MUFU and shared memory. */
export const B200 = {
  sms: 148,
  clock_hz: 1.85e9,
  hbm_bytes_s: 8e12,
  /** Dense tensor rates in MAC/s: half the FLOP/s figures. */
  mac_s: { tf32: 0.56e15, f16: 1.125e15, f8: 2.25e15, f4: 4.5e15, i8: 2.25e15 },
  /** Warp-level mma.sync runs at about half the tcgen05 rate. */
  mma_sync_share: 0.5,
  shared_bytes_clk_sm: 128,
  mufu_clk_sm: 16,
  f32_clk_sm: 128,
  warp_issue_clk_sm: 4,
} as const;

/** What can bind a launch: a term of the model names the unit, its limit the kind of unit. */
export const LIMITS = ["memory", "tensor", "CUDA cores", "shared memory"] as const;
export type Limit = (typeof LIMITS)[number];

/** Which tensor rate a counted kind runs at: "tcgen05.mxf4nvf4", "mma.bf16" ... Throws for a kind that has none. */
export function macRate(kind: string): number {
  const name = kind.slice(kind.indexOf(".") + 1);
  const rate = /^(mxf4|mxf4nvf4)$/u.test(name)
    ? B200.mac_s.f4
    : /^(f8f6f4|mxf8f6f4|e4m3|e5m2|e2m3|e3m2|e2m1)$/u.test(name)
      ? B200.mac_s.f8
      : /^(i8|s8|u8|s4|u4|b1)$/u.test(name)
        ? B200.mac_s.i8
        : /^(f16|bf16)$/u.test(name)
          ? B200.mac_s.f16
          : /^(tf32|f64)$/u.test(name)
            ? B200.mac_s.tf32
            : undefined;
  if (rate === undefined) throw new Error(`MMA kind: expected one with a known rate, got "${kind}"`);
  return kind.startsWith("tcgen05.") ? rate : rate * B200.mma_sync_share;
}

/** The model of one launch. */
export function roofline(p: LaunchProfile): LaunchModel {
  const ctas = p.grid.reduce((a, b) => a * b, 1);
  const sms = Math.min(B200.sms, ctas);
  const share = sms / B200.sms;
  const clocks = B200.clock_hz * sms;
  const us = (seconds: number): number => seconds * 1e6;
  const warp = (c: string): number => p.instructions[c]?.warp ?? 0;
  const thread = (c: string): number => p.instructions[c]?.thread ?? 0;
  const shared = (p.bytes.shared_load?.total ?? 0) + (p.bytes.shared_store?.total ?? 0);
  const wavefronts = p.shared_wavefronts.issued * B200.shared_bytes_clk_sm;
  const all: LaunchModel["terms"] = [
    {
      name: "device memory",
      limit: "memory",
      microseconds: us((p.bytes.global_read_unique + p.bytes.global_write_unique) / B200.hbm_bytes_s),
    },
    ...Object.entries(p.mma).map(([kind, m]) => ({
      name: kind,
      limit: "tensor" as const,
      microseconds: us(m.issued / (macRate(kind) * share)),
    })),
    {
      name: "shared memory",
      limit: "shared memory",
      microseconds: us(Math.max(shared, wavefronts) / (B200.shared_bytes_clk_sm * clocks)),
    },
    {
      name: "special functions",
      limit: "CUDA cores",
      microseconds: us(thread("approx") / (B200.mufu_clk_sm * clocks)),
    },
    {
      name: "f32 and integer lanes",
      limit: "CUDA cores",
      microseconds: us(
        ["integer", "float", "half", "compare", "logic", "convert"].reduce((s, c) => s + thread(c), 0) /
          (B200.f32_clk_sm * clocks),
      ),
    },
    {
      name: "instruction issue",
      limit: "CUDA cores",
      microseconds: us(
        Object.keys(p.instructions).reduce((s, c) => s + warp(c), 0) / (B200.warp_issue_clk_sm * clocks),
      ),
    },
  ];
  const terms = all.sort((a, b) => b.microseconds - a.microseconds);
  const [{ name: bound, limit, microseconds }] = terms;
  return { device: "B200", microseconds, bound, limit, sms, terms };
}
