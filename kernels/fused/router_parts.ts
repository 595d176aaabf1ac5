/** What both fusions of a router have in common: its product, what its choice gives, the rows of every expert, their launch. */
import { result, type FusionPart } from "../fusion.ts";
import { op as linearF32 } from "../linear/linear_f32.op.ts";
import { op as moeDispatch } from "../moe/moe_dispatch.op.ts";
import { t, type VariantDecl } from "../schema.ts";
import { ummaLinear } from "../umma.ts";

export const ROUTER_AXES = {
  n_tok: "tokens, at least one",
  n_expert: "routed experts",
  n_act: "experts per token",
  d_model: "hidden size",
} as const;

export const ROUTER_IN = {
  y: t("bf16", ["n_tok", "d_model"]),
  w: t("bf16", ["n_expert", "d_model"]),
} as const;

export const LOGITS_PART: FusionPart = {
  name: "logits",
  op: linearF32,
  in: { a: "y", w: "w" },
  scalars: { M: "n_tok", N: "n_expert", K: "d_model" },
  out: { y: result("logits", ["n_tok", "n_expert"]) },
};

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

export const ROUTER_COUNTERS = { arrived: "CTAs or clusters that have stored their logits" } as const;

/** The launch of linear_f32, so that logits are bit for bit its own. */
const PLAN = "plan::dense_on(n_sm, n_tok, n_expert, d_model, plan::BF16)";
export const routerOnTensorCores = (name: string): VariantDecl => {
  const { entries: _, ...launch } = ummaLinear(name, PLAN); // no pairs of CTAs for so few tokens
  return {
    when: "plan::Router::takes(n_tok, n_expert, d_model)",
    ...launch,
    maps: {
      w_map: {
        tensor: "w",
        type: "bf16",
        dims: ["d_model", "n_expert"],
        strides: ["2 * d_model"],
        box: ["64", "128"],
        swizzle: 128,
      },
      y_map: {
        tensor: "y",
        type: "bf16",
        dims: ["d_model", "n_tok"],
        strides: ["2 * d_model"],
        box: ["64", `${PLAN}.x_rows()`],
        swizzle: 128,
      },
    },
  };
};

/** Tiles of 64 experts x 64 tokens; the choice has `words` of shared memory an expert. */
export const portableRouter = (words: number) =>
  ({
    grid: ["ceil_div(n_expert, 64)", "ceil_div(n_tok, 64)"],
    block: 128,
    smem: `${4 * words} * n_expert`,
  }) as const;
