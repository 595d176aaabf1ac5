import { defineOp, exact, out, t } from "../schema.ts";

export const op = defineOp({
  name: "skeleton",
  family: "skeleton",
  cite: "The op that newcomers copy: y = bf16(a * x + b)",
  axes: {
    n: "elements",
  },
  attrs: { a: "f32" },
  in: {
    x: t("bf16", ["n"]),
    b: t("f32", ["n"]),
  },
  out: {
    y: out("bf16", ["n"], exact("one f32 fma and one rounding leave no freedom")),
  },
  contract: "a * x + b as one f32 fma, rounded once to bf16",
  launch: { grid: ["ceil_div(n, 256)"], block: 256 },
  flops: ({ n }) => 2 * n,
});
