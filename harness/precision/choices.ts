/** The choices of number formats whose price is asked: what is rounded in each, while everything else is exact. */
import type { ExpertForm } from "../../fixtures/masters.ts";
import { GROUPS, type Group } from "../../oracle/groups.ts";
import type { WhatIfName } from "../../oracle/what_if.ts";

export interface Choice {
  readonly id: string;
  readonly title: string;
  /** What is rounded, in one line. */
  readonly what: string;
  /** axis: one format of a release; what-if: a format of no release; shipped: all formats of a release at once. */
  readonly kind: "axis" | "what-if" | "shipped";
  /** Groups of rounding points that are on. */
  readonly groups: readonly Group[];
  readonly dense: "master" | "fp8";
  readonly experts: ExpertForm;
  readonly what_if: WhatIfName | null;
}

/** Nothing is rounded and weights are masters. */
export const IDEAL: Choice = {
  id: "ideal",
  title: "Ideal",
  what: "nothing",
  kind: "axis",
  groups: [],
  dense: "master",
  experts: { op: "mxfp4", weights: "master" },
  what_if: null,
};

const axis = (id: string, title: string, what: string, on: Partial<Choice>): Choice => ({
  ...IDEAL,
  id,
  title,
  what,
  ...on,
});

/** What DeepSeek ships, and what NVIDIA makes of it. */
export const SHIPPED: Choice = axis(
  "shipped",
  "As shipped",
  "everything, as DeepSeek's release does: MXFP4 experts, FP8 linears and cache, FP4 indexer, bf16 values",
  { kind: "shipped", groups: GROUPS, dense: "fp8", experts: { op: "mxfp4", weights: "mxfp4" } },
);

export const CHOICES: readonly Choice[] = [
  SHIPPED,
  axis(
    "shipped-nvfp4",
    "As shipped, NVFP4 experts",
    "everything, as ModelOpt's release does: experts' weights NVFP4 made from MXFP4, their activations NVFP4",
    { kind: "shipped", groups: GROUPS, dense: "fp8", experts: { op: "nvfp4", weights: "mxfp4_nvfp4" } },
  ),
  axis(
    "expert-weights-mxfp4",
    "Expert weights MXFP4",
    "routed experts' weights: e2m1, ue8m0 scale per 1x32",
    {
      experts: { op: "mxfp4", weights: "mxfp4" },
    },
  ),
  axis(
    "expert-weights-nvfp4",
    "Expert weights NVFP4",
    "routed experts' weights: e2m1, e4m3 scale per 1x16, f32 scale per projection, from the masters",
    { experts: { op: "nvfp4", weights: "nvfp4" } },
  ),
  axis("expert-acts-fp8", "Expert activations FP8", "routed experts' inputs: e4m3, ue8m0 scale per 1x128", {
    groups: ["expert_act"],
  }),
  axis(
    "expert-acts-nvfp4",
    "Expert activations NVFP4",
    "routed experts' inputs: e2m1, e4m3 scale per 1x16 under a calibrated f32 scale",
    { groups: ["expert_act"], experts: { op: "nvfp4", weights: "master" } },
  ),
  axis(
    "dense-weights-fp8",
    "Dense weights FP8",
    "attention's and shared experts' weights: e4m3, ue8m0 scale per 128x128",
    {
      dense: "fp8",
    },
  ),
  axis(
    "dense-acts-fp8",
    "Dense activations FP8",
    "attention's and shared experts' inputs: e4m3, ue8m0 scale per 1x128",
    {
      groups: ["dense_act"],
    },
  ),
  axis(
    "kv-fp8",
    "KV cache FP8",
    "cache rows: 448 channels e4m3 with a ue8m0 scale per 64, 64 rotated channels bf16",
    {
      groups: ["kv"],
    },
  ),
  axis(
    "kv-nvfp4",
    "KV cache NVFP4",
    "cache rows: 448 channels e2m1 with an e4m3 scale per 16, 64 rotated channels bf16",
    {
      kind: "what-if",
      what_if: "kv_nvfp4",
    },
  ),
  axis("indexer-fp4", "Indexer FP4", "indexer's queries and keys: e2m1, ue8m0 scale per 1x32", {
    groups: ["index"],
  }),
  axis("streams-bf16", "Streams bf16", "the four mHC streams between sub-blocks: bf16", {
    groups: ["streams"],
  }),
  axis(
    "values-bf16",
    "Other values bf16",
    "every other value that ops hand on in bf16, and attention's probabilities",
    {
      groups: ["values_bf16"],
    },
  ),
  axis(
    "values-f32",
    "Router and f32 values",
    "router, mHC coefficients, RoPE tables, compressor inputs, logits: f32",
    {
      groups: ["router", "values_f32"],
    },
  ),
  axis("router-bf16", "Router bf16", "router as a bf16 GEMM: inputs and logits bf16", {
    kind: "what-if",
    what_if: "router_bf16",
  }),
  axis(
    "router-nvfp4",
    "Router NVFP4",
    "router as an NVFP4 GEMM: inputs and weights e2m1, e4m3 scale per 1x16",
    {
      kind: "what-if",
      what_if: "router_nvfp4",
    },
  ),
];
