/** A row of a run's results: one compared tensor, with everything that a report says of it. */
import { z } from "zod";

/** JSON has no NaN and no infinity: they travel as strings, and come back as numbers. */
export const num = z.union([z.number(), z.enum(["NaN", "Infinity", "-Infinity"]).transform(Number)]);
export const count = z.number().int().nonnegative();
export const coords = z.array(z.number().int());

export const STATUSES = ["PASS", "FAIL", "FLAKY", "UNSUPPORTED", "VACUOUS", "ORACLE_SPLIT", "ERROR"] as const;
export type Status = (typeof STATUSES)[number];

/** isolated: the op got the faithful oracle's inputs; accumulated: native fed native; op: a suite's case; golden: against a bundle. */
export const MODES = ["isolated", "accumulated", "op", "golden"] as const;
export type Mode = (typeof MODES)[number];

/** The largest relative L2 over slices of one kind, and which slice has it. */
const worst = z.object({ index: coords, value: num });
const nonfinite = z.object({ nan: count, pos_inf: count, neg_inf: count });

/** native against faithful; every `rel` is ||native - faithful|| / ||faithful|| over its slice. */
const metrics = z.object({
  n: count,
  /** Elements whose bits differ. */
  differ: count,
  /** 1 - 2 <x, y> / (<x, x> + <y, y>) */
  calc_diff: num,
  cosine: num,
  rel_l2: num,
  /** ||native|| / ||faithful|| */
  norm_ratio: num,
  max_abs: num,
  /** Rows are all dimensions but the last; [row]. */
  worst_row: worst,
  /** Channels of the last dimension; [column]. */
  worst_col: worst,
  /** 1 x 128 pieces of a row; [row, block]. */
  worst_block: worst,
  /** Distance in representable values of the output's dtype. `histogram[i]` counts distances in (2^(i-2), 2^(i-1)]; [0] is 0, [1] is 1. */
  ulp: z.object({ max: num, histogram: z.array(count) }),
  /** Of the `n` elements that differ, the share with |native| > |faithful|, and how many sigmas that is off one half. */
  bias: z.object({ n: count, share_up: num, sigma: num }),
  /** Shares of all elements. */
  zeros: z.object({ native: num, faithful: num }),
  saturated: z.object({ native: num, faithful: num }),
  nonfinite: z.object({ native: nonfinite, faithful: nonfinite }),
});

/** One number held against its bound. `share` = how much of the bound is used (1 = all of it). */
const check = z.object({
  name: z.string(),
  value: num,
  bound: num,
  share: num,
  ok: z.boolean(),
  at: coords.optional(),
});

/** One element with both values, to be looked up by hand. Bits are hexadecimal. */
const element = z.object({
  at: coords,
  native: num,
  faithful: num,
  ideal: num.nullable(),
  native_bits: z.string(),
  faithful_bits: z.string(),
  ulp: num,
});

/** How far the faithful chain is from the ideal one: what the format costs. */
const price = z.object({ calc_diff: num, rel_l2: num });

/** The gate: tfjs against `against`. */
const agreement = z.object({
  against: z.enum(["ideal", "faithful", "golden"]),
  rel_l2: num,
  bound: num,
  agree: z.boolean(),
  backend: z.string(),
});

/** Discrete decisions: how many rows chose otherwise than the faithful oracle, and what it cost in units of the score. */
const decisions = z.object({
  n: count,
  flips: count,
  slack: num,
  max_regret: num,
  sum_regret: num,
  /** The costliest flips, worst first. */
  worst: z.array(z.object({ row: count, regret: num, native: z.array(num), faithful: z.array(num) })),
});

/** Where a record belongs. */
export const place = {
  /** Unique in a run: mode, layer or case, tap. */
  key: z.string(),
  mode: z.enum(MODES),
  op: z.string(),
  family: z.string(),
  /** The tap: `layers.12.attn.q_a`, or `rmsnorm` (op mode); in rows with `.<output>` where the op has several. */
  site: z.string(),
};

const base = {
  kind: z.literal("row"),
  ...place,
  /** Name of the op's output tensor. */
  output: z.string(),
  layer: count.nullable(),
  case: z.string().nullable(),
  dtype: z.string(),
  shape: z.array(count),
  /** One sentence: what was found, against what, where. */
  sentence: z.string(),
  metrics: metrics.nullable(),
  checks: z.array(check),
  /** Largest share over `checks`; null when nothing was measured. */
  share: num.nullable(),
  /** What the op's declaration says of its tolerance. */
  why: z.string(),
  worst_element: element.nullable(),
  price: price.nullable(),
  oracles: agreement.nullable(),
  decisions: decisions.nullable(),
  /** Milliseconds of one call; null where that party did not run. All outputs of a call carry the same times. */
  time_ms: z.object({
    native: num.nullable(),
    faithful: num.nullable(),
    ideal: num.nullable(),
    tf: num.nullable(),
  }),
  /** What the device counted during the call (thread instructions, bytes, launches ...). */
  counters: z.record(z.string(), num),
  /** The kernel that ran (kernels/schema.ts VARIANTS); null where none did. */
  variant: z.string().nullable(),
  /** rel L2 a token, of a layer's last tensor in accumulated runs: the (layer, token) map. */
  by_token: z.array(num).nullable(),
  hashes: z.object({
    inputs: z.string(),
    faithful: z.string(),
    native: z.string().nullable(),
    kernel: z.string().nullable(),
    tolerance: z.string(),
  }),
};

const measured = { ...base, metrics, worst_element: element.nullable() };

export const rowSchema = z.discriminatedUnion("status", [
  z.object({ status: z.literal("PASS"), ...measured }),
  /** `stage` names the first check that failed, in verdict order. */
  z.object({ status: z.literal("FAIL"), stage: z.string(), ...base }),
  /** Two runs on the same input differ in bits. */
  z.object({ status: z.literal("FLAKY"), stage: z.string(), ...base }),
  z.object({ status: z.literal("UNSUPPORTED"), reason: z.string(), ...base }),
  /** The check could not have failed: zeros or a constant would have passed, or nothing was compared. */
  z.object({ status: z.literal("VACUOUS"), reason: z.string(), ...base }),
  /** The oracles disagree, so the kernel is not judged. */
  z.object({ status: z.literal("ORACLE_SPLIT"), ...base, oracles: agreement }),
  /** Something threw or trapped. */
  z.object({ status: z.literal("ERROR"), error: z.string(), ...base }),
]);
export type Row = z.infer<typeof rowSchema>;
export type Metrics = z.infer<typeof metrics>;
export type Check = z.infer<typeof check>;
export type Element = z.infer<typeof element>;
export type Price = z.infer<typeof price>;
export type Agreement = z.infer<typeof agreement>;
export type Decisions = z.infer<typeof decisions>;
