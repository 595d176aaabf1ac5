/** Faults of fusions: what a chain of launches would have done between its parts, and what differs with nobody watching. */
import type { Fault } from "../../harness/faults.ts";
import { kernel } from "./kernel.ts";

export const faults: Fault[] = [
  kernel(
    "norm-quant-without-taps",
    "fused/norm_quant",
    "codes are written only where the normed row is watched",
    "if (y) store16(y + c, v);",
    "if (!y) return; store16(y + c, v);",
    { file: "kernels/common/norm_quant.cuh", output: "norm" },
  ),
  kernel(
    "norm-quant-other-row",
    "fused/norm_quant",
    "the scales of every row go to the first",
    "p.s + i * n_block,",
    "p.s + 0 * n_block,",
    { output: "quant.s" },
  ),
  kernel(
    "norm-quant-tail-scale",
    "fused/norm_quant",
    "lanes behind the row's end take part in the last scale",
    "inside ? norm8(load16(x + c), load16(w + c), r) : uint4{};",
    "inside ? norm8(load16(x + c), load16(w + c), r) : uint4{0x7f007f00u, 0, 0, 0};",
    { file: "kernels/common/norm_quant.cuh", output: "quant.q" },
  ),
];
