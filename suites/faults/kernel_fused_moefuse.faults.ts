/** Faults of the fusions of the mixture of experts. */
import type { Fault } from "../../harness/faults.ts";
import { kernel } from "./kernel.ts";

const routing: Fault[] = [
  kernel(
    "gate-dispatch-other-ctas-tokens",
    "fused/gate_dispatch",
    "every CTA of the cluster routes the first CTA's tokens",
    "int tok = blockIdx.x * dispatch::N_WARP + warp;",
    "int tok = warp;",
    { output: "gate.ids" },
  ),
  kernel(
    "gate-dispatch-one-round",
    "fused/gate_dispatch",
    "tokens beyond those that the cluster takes at once are left out",
    "tok < p.n_tok; tok +=",
    "tok < min(p.n_tok, 64); tok +=",
    { output: "gate.ids" },
  ),
  kernel(
    "gate-dispatch-shared-scores",
    "fused/gate_dispatch",
    "neighbouring warps' scores lie on top of each other",
    "smem + warp * 2 * p.n_expert",
    "smem + warp * p.n_expert",
    { blame: "ERROR" },
  ),
  kernel(
    "gate-dispatch-without-barrier",
    "fused/gate_dispatch",
    "a warp counts rows where another still keeps its scores, by ids that nobody has written yet",
    "ptx::cluster_sync();  // ids are in global memory",
    "",
    { blame: "ERROR" },
  ),
  kernel(
    "gate-hash-dispatch-one-round",
    "fused/gate_hash_dispatch",
    "tokens beyond the CTA's threads are left out",
    "tok < p.n_tok; tok +=",
    "tok < min(p.n_tok, dispatch::THREADS); tok +=",
    { output: "gate.ids" },
  ),
  kernel(
    "gate-hash-dispatch-without-barrier",
    "fused/gate_hash_dispatch",
    "rows are counted by ids that nobody has written yet",
    "__syncthreads();  // ids are in global memory",
    "if (p.n_tok < 0) __syncthreads();",
    { blame: "ERROR" },
  ),
  kernel(
    "gate-hash-dispatch-last-expert",
    "fused/gate_hash_dispatch",
    "the sort's last expert has no row",
    "p.offset[p.n_expert] = n;",
    "p.offset[p.n_expert] = n - 1;",
    { file: "kernels/common/dispatch.cuh", output: "dispatch.offset" },
  ),
];

export const faults: readonly Fault[] = [...routing];
