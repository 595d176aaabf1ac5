import { defineFusion, result, tap } from "../fusion.ts";
import { op as linearFp8 } from "../linear/linear_fp8.op.ts";
import { op as swiglu } from "../moe/swiglu.op.ts";
import { op as actQuantFp8 } from "../quant/act_quant_fp8.op.ts";
import { t } from "../schema.ts";

const rows = ["M", "N"];
const product = { M: "M", N: "N", K: "K" };
const w_map = (tensor: string) =>
  ({ tensor, type: "u8", dims: ["K", "N"], strides: ["K"], box: ["128", "128"], swizzle: 128 }) as const;
const plan = "plan::Rows(plan::dense(M, N, K, plan::FP8), plan::FP8, 2)";

export const op = defineFusion({
  name: "shared_up",
  family: "fused",
  cite: "DeepSeek-V4 inference/model.py Expert.forward up to w2, of the shared expert",
  axes: {
    M: "tokens",
    N: "inner width of an expert",
    K: "hidden size",
  },
  attrs: { limit: "f32", floor: "f32" },
  in: {
    a: t("e4m3", ["M", "K"]),
    a_s: t("ue8m0", ["M", "K/128"]),
    w1: t("e4m3", ["N", "K"]),
    w1_s: t("ue8m0", ["N/128", "K/128"]),
    w3: t("e4m3", ["N", "K"]),
    w3_s: t("ue8m0", ["N/128", "K/128"]),
  },
  parts: [
    {
      name: "w1",
      op: linearFp8,
      in: { a: "a", a_s: "a_s", w: "w1", w_s: "w1_s" },
      scalars: product,
      out: { y: tap("g", rows) },
    },
    {
      name: "w3",
      op: linearFp8,
      in: { a: "a", a_s: "a_s", w: "w3", w_s: "w3_s" },
      scalars: product,
      out: { y: tap("u", rows) },
    },
    {
      name: "act",
      op: swiglu,
      in: { g: "g", u: "u" },
      scalars: { n_row: "M", d_ff: "N", n_slot: 0, limit: "limit" },
      out: { y: tap("act", rows) },
    },
    {
      name: "quant",
      op: actQuantFp8,
      in: { x: "act" },
      scalars: { M: "M", K: "N", block: 128, floor: "floor" },
      out: { q: result("q", rows), s: result("s", ["M", "N/128"]) },
    },
  ],
  launch: { grid: ["ceil_div(N, 128)", "ceil_div(M, 64)"], block: 128, smem: "72 << 10" },
  variants: {
    sm100: {
      when: "K > 0 && N > 0 && K % 16 == 0 && N % 128 == 0",
      launch: {
        grid: [`${plan}.grid(n_sm)`],
        block: 256,
        smem: `${plan}.smem()`,
        cluster: `${plan}.split(n_sm)`,
      },
      maps: {
        w1_map: w_map("w1"),
        w3_map: w_map("w3"),
        a_map: {
          tensor: "a",
          type: "u8",
          dims: ["K", "M"],
          strides: ["K"],
          box: ["128", `${plan}.tokens`],
          swizzle: 128,
        },
      },
    },
  },
});
