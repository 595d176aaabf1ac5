/** What the fusions of an expert's first half have in common: two products of the same rows, their gated activation, its codes. */
import type { OpDecl } from "../schema.ts";
import { result, tap, type FusionPart } from "../fusion.ts";
import { op as swiglu } from "../moe/swiglu.op.ts";
import { op as actQuantFp8 } from "../quant/act_quant_fp8.op.ts";

/** `linear` of the rows `of` by w1 and by w3; `more` names what each has beside its weights and their scales. */
export const upProducts = (
  linear: OpDecl,
  of: Readonly<Record<string, string>>,
  scalars: FusionPart["scalars"],
  n_row: string,
  more: readonly string[] = [],
): readonly FusionPart[] =>
  (
    [
      ["w1", "g"],
      ["w3", "u"],
    ] as const
  ).map(([w, y]) => ({
    name: w,
    op: linear,
    in: { ...of, w, w_s: `${w}_s`, ...Object.fromEntries(more.map((m) => [`w_${m}`, `${w}_${m}`])) },
    scalars,
    out: { y: tap(y, [n_row, "N"]) },
  }));

/** Clamped and gated; of routed experts times the routing weight of the row's slot. */
export const upActivation = (n_row: string, routed: boolean): FusionPart => ({
  name: "act",
  op: swiglu,
  in: { g: "g", u: "u", ...(routed ? { row_slot: "row_slot", weight: "weight" } : {}) },
  scalars: { n_row, d_ff: "N", n_slot: routed ? "n_weight" : 0, limit: "limit" },
  out: { y: tap("act", [n_row, "N"]) },
});

export const upFp8 = (n_row: string): FusionPart => ({
  name: "quant",
  op: actQuantFp8,
  in: { x: "act" },
  scalars: { M: n_row, K: "N", block: 128, floor: "floor" },
  out: { q: result("q", [n_row, "N"]), s: result("s", [n_row, "N/128"]) },
});
