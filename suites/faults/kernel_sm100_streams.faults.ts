/** Faults of the streams' kernels on tcgen05. */
import type { Fault } from "../../harness/faults.ts";
import { kernel } from "./kernel.ts";

const file = "kernels/mhc/hc_mix.sm100.cu";
const mix = (
  id: string,
  what: string,
  find: string,
  replace: string,
  blame: Fault["blame"] = "FAIL",
): Fault => kernel(id, "mhc/hc_mix", what, find, replace, { file, blame });

export const faults: readonly Fault[] = [
  mix("umma-mix-rounded-fn", "fn loses what tf32 does not hold", "(first + second) *", "first *"),
  mix("umma-mix-rank-lost", "the last CTA's share of K is lost", "r < n_rank; ++r", "r + 1 < n_rank; ++r"),
  mix(
    "umma-mix-swizzle",
    "operands are written in another swizzle than the descriptor names",
    "(chunk ^ row % 8)",
    "(chunk ^ row % 4)",
  ),
  mix(
    "umma-mix-second-row",
    "fn's second parts lie a row off",
    "place(MIX_ROWS + row, k,",
    "place(MIX_ROWS + (row ^ 1), k,",
  ),
  mix(
    "umma-mix-unfenced",
    "the tensor core may read operands before the stores are visible to it",
    "      ptx::fence_proxy_async();\n",
    "",
    "ERROR",
  ),
  mix(
    "umma-mix-stage-not-released",
    "operands are overwritten while the tensor core reads them",
    "      ptx::mbarrier_wait(&bar.empty[ring.stage], ring.parity ^ 1);\n",
    "",
    "ERROR",
  ),
  mix(
    "umma-mix-not-drained",
    "sums overwrite operands that are still read",
    "ptx::mbarrier_wait(&bar.done, 0);",
    "",
    "ERROR",
  ),
];
