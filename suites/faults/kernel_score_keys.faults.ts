/** Faults of score_keys: ranges of a cluster, what its CTAs read of each other, and the order of it all. */
import type { Fault } from "../../harness/faults.ts";
import { kernel } from "./kernel.ts";

type Of = Parameters<typeof kernel>[5];
const fault = (id: string, what: string, find: string, replace: string, of: Of): Fault =>
  kernel(`score-keys-${id}`, "fused/score_keys", what, find, replace, {
    file: "kernels/fused/score_keys.cuh",
    variant: "sm100",
    ...of,
  });
const SELECTION = "kernels/common/topk_cluster.cuh";

const ranges: Fault[] = [
  fault(
    "ranges-overlap",
    "a CTA begins as if all ranges were equally long",
    "return n_tile * rank / n_rank;",
    "return n_tile / n_rank * rank;",
    { output: "topk" },
  ),
  fault(
    "entries-of-first-cta",
    "every CTA lists its entries as if they were the first",
    "to(j, first + n);",
    "to(j, n);",
    { output: "topk" },
  ),
  fault(
    "scales-of-copy",
    "scales of a token's heads begin where the copy began",
    "q.scale + before + 128 * a",
    "q.scale + 128 * a",
    { file: "kernels/common/umma_scores_format.cuh", output: "scores" },
  ),
  fault(
    "bound-of-first-token",
    "entries are scored as far as the cluster's first token sees",
    "most = max(most, sh.visible[i]);",
    "most = max(most, sh.visible[0]);",
    { output: "scores" },
  ),
  fault(
    "future-entries",
    "entries that a token cannot see yet are chosen among",
    "n < sh.visible[i] ? order_key(score) : 0",
    "order_key(score)",
    { zoo: ["Z042"], output: "topk" },
  ),
  fault(
    "newest-hidden",
    "an entry becomes visible one token late",
    "(p.pos[token0 + tid] + 1) / p.ratio",
    "p.pos[token0 + tid] / p.ratio",
    { zoo: ["Z042"], output: "topk", variant: "portable" },
  ),
];

const merge: Fault[] = [
  fault("ties-by-cta", "each CTA takes its own equals first", "c.above, c.equal, sh", "c.above, 0, sh", {
    zoo: ["Z062"],
    output: "topk",
  }),
  fault("own-counts", "a CTA counts its own digits as those of all", "min(r, n_rank - 1)", "rank", {
    file: SELECTION,
    output: "topk",
  }),
  fault(
    "own-keys-before",
    "a CTA counts its own keys among those of lower rank",
    "uint64_t(r < rank)",
    "uint64_t(r <= rank)",
    { file: SELECTION, output: "topk" },
  ),
  fault(
    "counts-of-first-token",
    "every token of a cluster is decided by the first one's counts",
    "counts(warp, pass), shift",
    "counts(0, pass), shift",
    { output: "topk" },
  ),
  fault(
    "without-taps",
    "entries are listed only where the choice is watched",
    "if (chosen) chosen[j] = n;",
    "if (!chosen) return; chosen[j] = n;",
    { output: "scores", variant: "portable" },
  ),
];

const order: Fault[] = [
  fault(
    "counts-unawaited",
    "digits are read before the other CTAs have counted",
    "        ptx::cluster_sync();\n",
    "        __syncthreads();\n",
    { output: "s", blame: "ERROR" },
  ),
  fault(
    "counts-gone",
    "a CTA ends while others read its counts",
    "    if (any) ptx::cluster_wait();",
    "    ",
    { output: "s", blame: "ERROR" },
  ),
  fault(
    "counts-of-one-token",
    "only the first token's counts begin at zero",
    "i < n_token * COUNTS",
    "i < COUNTS",
    { output: "s", blame: "ERROR" },
  ),
  fault(
    "keys-unawaited",
    "keys are counted before all warps have written theirs",
    "  __syncthreads();\n  share.finish",
    "  __syncwarp();\n  share.finish",
    { file: "kernels/fused/score_keys.portable.cuh", variant: "portable", output: "s", blame: "ERROR" },
  ),
  fault(
    "choice-unawaited",
    "the next digits are counted before the last one is chosen",
    "counts(warp, pass), shift);\n        __syncthreads();",
    "counts(warp, pass), shift);\n        __syncwarp();",
    { output: "s", blame: "ERROR" },
  ),
];

export const faults: readonly Fault[] = [...ranges, ...merge, ...order];
