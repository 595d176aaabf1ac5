/** What the fusions of attention share: its output turned back by the token's position. */
import { result, type FusionPart } from "../fusion.ts";
import { op as rope } from "../rope/rope.op.ts";
import { t } from "../schema.ts";

export const HEADS = ["n_tok", "n_head", "head_dim"] as const;

export const turn = {
  axes: { n_freq: "rotated pairs" },
  in: { pos: t("i32", ["n_tok"]), freq: t("f32", ["n_freq"]) },
} as const;

export const derope: FusionPart = {
  name: "derope",
  op: rope,
  in: { x: "o", pos: "pos", freq: "freq" },
  scalars: { n_row: "n_tok", n_head: "n_head", head_dim: "head_dim", n_freq: "n_freq", inverse: 1 },
  out: { y: result("y", HEADS) },
};
