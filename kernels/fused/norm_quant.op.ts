import { defineFusion, result, tap } from "../fusion.ts";
import { op as rmsnorm } from "../norm/rmsnorm.op.ts";
import { op as actQuantFp8 } from "../quant/act_quant_fp8.op.ts";
import { t } from "../schema.ts";

export const op = defineFusion({
  name: "norm_quant",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py RMSNorm.forward and linear's act_quant, as the fused norm and cast of serving engines",
  axes: {
    n_row: "rows",
    d_model: "hidden size",
  },
  attrs: { eps: "f32", block: "i32", floor: "f32" },
  in: {
    x: t("bf16", ["n_row", "d_model"]),
    w: t("bf16", ["d_model"]),
  },
  parts: [
    {
      name: "norm",
      op: rmsnorm,
      in: { x: "x", w: "w" },
      scalars: { n_row: "n_row", d_model: "d_model", eps: "eps" },
      out: { y: tap("y", ["n_row", "d_model"]) },
    },
    {
      name: "quant",
      op: actQuantFp8,
      in: { x: "y" },
      scalars: { M: "n_row", K: "d_model", block: "block", floor: "floor" },
      out: { q: result("q", ["n_row", "d_model"]), s: result("s", ["n_row", "d_model/block"]) },
    },
  ],
  launch: { grid: ["n_row"], block: "min(256, 32 * ceil_div(d_model, 256))" },
});
