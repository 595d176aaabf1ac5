/** Faults of the routers: who goes on when all have stored their logits, and the order of it all. */
import type { Fault } from "../../harness/faults.ts";
import { kernel } from "./kernel.ts";

const [SCORE, HASH] = ["fused/router_dispatch", "fused/router_hash_dispatch"];
const [SCORE_UMMA, HASH_UMMA] = [SCORE, HASH].map((op) => `kernels/${op}.sm100.cu`);
const ARRIVAL = "kernels/common/arrival.cuh";
const COUNTER = "kernels/ptx/atomic.cuh";

/** Seen where warps run in another order than the default's. */
const inOrder = (async: string, f: Fault): Fault => ({ ...f, run: [...f.run, "--async", async] });

const arrival: Fault[] = [
  kernel(
    "router-first-cluster",
    SCORE,
    "the first cluster to come chooses, by logits that others have not stored yet",
    "lane), before == n - 1);",
    "lane), before == 0);",
    { file: ARRIVAL, variant: "sm100", output: "gate.ids" },
  ),
  kernel(
    "router-first-cta",
    SCORE,
    "the first CTA to come chooses",
    "count_in_turn(counter, n - 1) == n - 1;",
    "count_in_turn(counter, n - 1) == 0;",
    { file: ARRIVAL, variant: "portable", output: "gate.ids" },
  ),
  kernel(
    "router-counter-left",
    SCORE,
    "the counter is not zero again when the last cluster has come",
    "before = ptx::count_in_turn(counter, n - 1);",
    "before = ptx::count_in_turn(counter, n);",
    { file: ARRIVAL, variant: "sm100", output: "logits" },
  ),
  kernel(
    "router-waits-for-ctas",
    HASH,
    "clusters count as if each CTA came by itself, so none is the last",
    "gridDim.x / ptx::cluster_nctarank()",
    "gridDim.x",
    { file: HASH_UMMA, output: "ids", blame: "ERROR" },
  ),
  kernel(
    "router-others-untold",
    SCORE,
    "only the first CTA of the last cluster is told that it is",
    "if (lane < n_rank) ptx::store",
    "if (lane < 1) ptx::store",
    { file: ARRIVAL, variant: "sm100", output: "ids", blame: "ERROR" },
  ),
  kernel(
    "router-told-late",
    SCORE,
    "CTAs look whether they are the last before they are told",
    "  ptx::cluster_sync();\n  return last;",
    "  return last;",
    { file: ARRIVAL, variant: "sm100", output: "ids", blame: "ERROR" },
  ),
  kernel(
    "router-count-relaxed",
    SCORE,
    "who counts last need not see what was stored before the earlier counts",
    "atom.acq_rel.gpu",
    "atom.relaxed.gpu",
    {
      file: COUNTER,
      variant: "sm100",
      output: "ids",
      blind:
        "the order of accesses to global memory is not followed: every access is done when its instruction is",
    },
  ),
];

const choice: Fault[] = [
  kernel(
    "router-other-ctas-tokens",
    SCORE,
    "every CTA of the cluster chooses for the first CTA's tokens",
    "int first = rank;",
    "int first = 0;",
    { file: SCORE_UMMA, output: "ids", blame: "ERROR" },
  ),
  kernel(
    "router-one-round",
    SCORE,
    "tokens beyond those that the cluster takes at once are left out",
    "first < p.n_tok; first +=",
    "first < min(p.n_tok, n_rank); first +=",
    { file: SCORE_UMMA, output: "ids", blame: "ERROR" },
  ),
  kernel(
    "router-shared-scores",
    SCORE,
    "neighbouring warps' scores lie on top of each other",
    "words + i * 2 * p.n_expert",
    "words + i * p.n_expert",
    { file: SCORE_UMMA, output: "gate.weights" },
  ),
  kernel(
    "router-picks-unscored",
    SCORE,
    "a warp picks where others still score",
    "__syncthreads();  // all scores are there",
    "",
    { file: SCORE_UMMA, output: "ids", blame: "ERROR" },
  ),
  kernel(
    "router-scores-overwritten",
    SCORE,
    "the next tokens' scores are put where another warp still picks",
    "__syncthreads();  // they are read",
    "",
    { file: SCORE_UMMA, output: "ids", blame: "ERROR" },
  ),
  inOrder(
    "random:1",
    kernel(
      "router-sorts-unwritten",
      SCORE,
      "the first CTA sorts while others of its cluster still choose",
      "ptx::cluster_sync();  // ids are in global memory",
      "__syncthreads();",
      { file: SCORE_UMMA, output: "ids", blame: "ERROR" },
    ),
  ),
  kernel(
    "router-sorts-half",
    SCORE,
    "four warps sort as if they were eight",
    "dispatch::rows_of_experts<gemm::N_WARP>",
    "dispatch::rows_of_experts",
    { output: "dispatch.offset" },
  ),
  kernel(
    "router-hash-one-round",
    HASH,
    "tokens beyond the CTA's threads are left out",
    "tok < p.n_tok; tok +=",
    "tok < min(p.n_tok, gemm::THREADS); tok +=",
    { output: "ids", blame: "ERROR" },
  ),
  kernel(
    "dispatch-last-expert",
    HASH,
    "the sort's last expert has no row",
    "p.offset[p.n_expert] = n;",
    "p.offset[p.n_expert] = n - 1;",
    { file: "kernels/common/dispatch.cuh", output: "dispatch.offset" },
  ),
];

export const faults: readonly Fault[] = [...arrival, ...choice];
