/** What both fusions of a gate give: its choice, and the rows of every expert. */
import { result, type FusionPart } from "../fusion.ts";
import { op as moeDispatch } from "../moe/moe_dispatch.op.ts";

export const GATE_OUT = {
  ids: result("ids", ["n_tok", "n_act"]),
  weights: result("weights", ["n_tok", "n_act"]),
} as const;

export const DISPATCH_PART: FusionPart = {
  name: "dispatch",
  op: moeDispatch,
  in: { ids: "ids" },
  scalars: { n_tok: "n_tok", n_act: "n_act", n_expert: "n_expert" },
  out: {
    offset: result("offset", ["n_expert+1"]),
    row_tok: result("row_tok", ["n_tok*n_act"]),
    row_slot: result("row_slot", ["n_tok*n_act"]),
    row_expert: result("row_expert", ["n_tok*n_act"]),
    slot_row: result("slot_row", ["n_tok", "n_act"]),
  },
};
