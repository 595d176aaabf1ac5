/** What project_y_hca and project_y_csa have in common: the linears at the beginning of attention, FP8 and BF16, in one launch. */
import { op as linearBf16 } from "../linear/linear_bf16.op.ts";
import { op as linearF32 } from "../linear/linear_f32.op.ts";
import { op as linearFp8 } from "../linear/linear_fp8.op.ts";
import { result, type FusionPart } from "../fusion.ts";
import { t, type MapDecl, type OpDecl, type VariantDecl } from "../schema.ts";
import { ummaLinear } from "../umma.ts";

/** One FP8 linear of `y8`: weights `<name>_w` and their scales, result `name`. */
const fp8 = (name: string, axis: string): FusionPart => ({
  name,
  op: linearFp8,
  in: { a: "y8", a_s: "y8_s", w: `${name}_w`, w_s: `${name}_w_s` },
  scalars: { M: "M", N: axis, K: "K" },
  out: { y: result(name, ["M", axis]) },
});

/** One BF16 linear of `y`. */
const bf16 = (op: OpDecl, name: string, axis: string): FusionPart => ({
  name,
  op,
  in: { a: "y", w: `${name}_w` },
  scalars: { M: "M", N: axis, K: "K" },
  out: { y: result(name, ["M", axis]) },
});
export const toF32 = (name: string, axis: string): FusionPart => bf16(linearF32, name, axis);
export const toBf16 = (name: string, axis: string): FusionPart => bf16(linearBf16, name, axis);

/** Map of a matrix whose rows are K long. */
export const rows = (tensor: string, of: "fp8" | "bf16", count: string, box: string): MapDecl => ({
  tensor,
  type: of === "fp8" ? "u8" : "bf16",
  dims: ["K", count],
  strides: [of === "fp8" ? "K" : "2 * K"],
  box: [of === "fp8" ? "128" : "64", box],
  swizzle: 128,
});

/** What every layer with a compressor has. */
export const HCA_IN = {
  y: t("bf16", ["M", "K"]),
  y8: t("e4m3", ["M", "K"]),
  y8_s: t("ue8m0", ["M", "K/128"]),
  q_a_w: t("e4m3", ["n_q", "K"]),
  q_a_w_s: t("ue8m0", ["n_q/128", "K/128"]),
  kv_a_w: t("e4m3", ["n_kv", "K"]),
  kv_a_w_s: t("ue8m0", ["n_kv/128", "K/128"]),
  kv_w: t("bf16", ["n_comp", "K"]),
  gate_w: t("bf16", ["n_comp", "K"]),
} as const;
export const HCA_PARTS = [
  fp8("q_a", "n_q"),
  fp8("kv_a", "n_kv"),
  toF32("kv", "n_comp"),
  toF32("gate", "n_comp"),
];

/** Launch of the portable kernel, and the variant on tcgen05, of the fusion `name` of `parts`. */
export function launches(name: string, parts: readonly FusionPart[]) {
  const each = parts.map((p) => ({
    w: p.in.w,
    axis: String(p.scalars.N),
    of: p.op === linearFp8 ? ("fp8" as const) : ("bf16" as const),
  }));
  const matrices = each.map((m) => `plan::Matrix{${m.axis}, plan::${m.of === "fp8" ? "FP8" : "BF16"}}`);
  const plan = `plan::joint_on(n_sm, M, K, ${matrices.join(", ")})`;
  const sm100: VariantDecl = {
    when: ["K > 0 && K % 16 == 0", ...new Set(each.map((m) => `${m.axis} > 0`))].join(" && "),
    ...ummaLinear(name, plan),
    maps: {
      y_map: rows("y", "bf16", "M", `${plan}.x_rows()`),
      y8_map: rows("y8", "fp8", "M", `${plan}.x_rows()`),
      ...Object.fromEntries(each.map((m) => [`${m.w}_map`, rows(m.w, m.of, m.axis, "128")])),
    },
  };
  return {
    launch: {
      grid: [each.map((m) => `ceil_div(${m.axis}, 64)`).join(" + "), "ceil_div(M, 64)"],
      block: 128,
    } as const,
    variants: { sm100 },
  };
}
