/**
 * The model's rounding points in groups, one for each format that somebody chose: what an FP8 cache costs is the cache's points on
 * and all others off. Every point of every call is in exactly one group, so all groups together are the faithful policy.
 */
import { DTYPES, type DType, type OpDecl } from "../kernels/schema.ts";
import { op as embed } from "../kernels/head/embed.op.ts";
import { op as linearF32 } from "../kernels/linear/linear_f32.op.ts";
import { op as hcPost } from "../kernels/mhc/hc_post.op.ts";
import { op as gateHash } from "../kernels/moe/gate_hash.op.ts";
import { op as gateTopk } from "../kernels/moe/gate_topk.op.ts";
import { op as mtpFuse } from "../kernels/mtp/mtp_fuse.op.ts";
import { op as actQuantFp8 } from "../kernels/quant/act_quant_fp8.op.ts";
import { op as actQuantMxfp4 } from "../kernels/quant/act_quant_mxfp4.op.ts";
import { op as actQuantNvfp4 } from "../kernels/quant/act_quant_nvfp4.op.ts";
import { op as kvFp8Sim } from "../kernels/quant/kv_fp8_sim.op.ts";
import { faithful, ideal, rounding } from "./num/index.ts";
import type { Rounding } from "./op.ts";

export const GROUPS = [
  "dense_act",
  "expert_act",
  "kv",
  "index",
  "streams",
  "router",
  "values_bf16",
  "values_f32",
] as const;
export type Group = (typeof GROUPS)[number];

const is = (op: OpDecl, ...of: readonly OpDecl[]): boolean => of.some((o) => o.name === op.name);

/** The group that has every point of a call, or null: then its bf16 points and its f32 points are in two groups. */
function groupOf(op: OpDecl, site: string): Group | null {
  if (is(op, actQuantNvfp4)) return "expert_act";
  if (is(op, actQuantFp8)) return /\bffn\.(y_fp8|experts\.)/.test(site) ? "expert_act" : "dense_act";
  if (is(op, kvFp8Sim)) return "kv";
  if (is(op, actQuantMxfp4)) return "index";
  if (is(op, embed, hcPost, mtpFuse)) return "streams";
  if (is(op, gateTopk, gateHash) || (is(op, linearF32) && site.endsWith("ffn.gate.logits"))) return "router";
  return null;
}

/** Formats that the groups `on` round to in the call of `op` at `site`. */
export function formatsOf(op: OpDecl, site: string, on: ReadonlySet<Group>): ReadonlySet<DType> {
  const group = groupOf(op, site);
  if (group !== null) return new Set(on.has(group) ? DTYPES : []);
  return new Set(DTYPES.filter((d) => on.has(d === "bf16" ? "values_bf16" : "values_f32")));
}

export type Policy = (op: OpDecl, site: string) => Rounding;

/** The policy that rounds at the points of the groups `on`. */
export const roundOnly =
  (on: ReadonlySet<Group>): Policy =>
  (op, site) =>
    rounding(formatsOf(op, site, on));

/** RoPE's frequency tables are made before any call; their points are in f32. */
export const tableRounding = (on: ReadonlySet<Group>): Rounding => (on.has("values_f32") ? faithful : ideal);
