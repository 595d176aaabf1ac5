import { close, defineOp, f32Sum, out, t } from "../schema.ts";

export const op = defineOp({
  name: "hadamard",
  family: "index",
  cite: "DeepSeek-V4 inference/model.py rotate_activation (fast_hadamard_transform, scale width^-0.5)",
  axes: {
    n_row: "rows",
    width: "channels of an entry",
  },
  in: {
    x: t("bf16", ["n_row", "width"]),
  },
  out: {
    y: out(
      "bf16",
      ["n_row", "width"],
      close(({ width }) => f32Sum(width), "order of width f32 additions"),
    ),
  },
  contract: "y = bf16(width^-0.5 H x), H[i][j] = (-1)^popcount(i & j), width a power of two, f32 inside",
  launch: { grid: ["ceil_div(n_row * width, 1024)"], block: 128, smem: "4 * width" },
  flops: ({ n_row, width }) => n_row * width * Math.log2(width),
});
