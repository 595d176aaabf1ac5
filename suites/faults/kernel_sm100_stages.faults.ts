/** Faults of products on tcgen05: how K goes through the stages, and who waits for whom. */
import type { Fault } from "../../harness/faults.ts";
import { kernel } from "./kernel.ts";

const SKELETON = "kernels/common/umma_linear.cuh";
const TILES = "kernels/common/umma_tiles.cuh";
const DESCRIPTOR = "kernels/common/umma.cuh";
const [BF16, F32, FP8, FP8W] = ["linear_bf16", "linear_f32", "linear_fp8", "grouped_linear_fp8w"].map(
  (op) => `linear/${op}`,
);
const [MXFP4, NVFP4] = ["mxfp4", "nvfp4"].map((format) => `moe/expert_linear_${format}`);

/** K: steps in a stage, stages in a tile, shares of a cluster. */
const reduction: Fault[] = [
  kernel(
    "umma-descriptor-step",
    BF16,
    "the weights' descriptor moves half a step",
    "umma::k_major(at + a * W_BYTES + 32 * step)",
    "umma::k_major(at + a * W_BYTES + 16 * step)",
    { file: SKELETON },
  ),
  kernel(
    "umma-descriptor-group",
    FP8,
    "eight rows are said to lie half as far apart as they do",
    "0x3fff) | uint64_t(GROUP_BYTES >> 4)",
    "0x3fff) | uint64_t(GROUP_BYTES >> 5)",
    { file: DESCRIPTOR },
  ),
  kernel(
    "umma-stage-starts-anew",
    F32,
    "every stage of K overwrites the sum of those before",
    "k > k_begin || step > 0);",
    "step > 0);",
    { file: SKELETON },
  ),
  kernel(
    "umma-sum-not-begun",
    BF16,
    "a tile's sum goes on from what the accumulator held",
    "k > k_begin || step > 0);",
    "true);",
    { file: SKELETON },
  ),
  kernel(
    "umma-split-begins-late",
    MXFP4,
    "a CTA of a cluster leaves out the first stage of its share",
    "k_begin = l.k_stages * rank / split,",
    "k_begin = l.k_stages * rank / split + (rank > 0),",
    { file: SKELETON },
  ),
  kernel(
    "umma-split-rank-left-out",
    NVFP4,
    "the first CTA's partial sums are not added",
    "for (uint32_t r = 0; r < split; ++r)",
    "for (uint32_t r = 1; r < split; ++r)",
    { file: SKELETON },
  ),
  kernel(
    "umma-stage-of-elements",
    NVFP4,
    "activations advance by elements where their map counts bytes",
    "schedule.load_x(at + ALL_W_BYTES, full, tile, rows, k * STAGE.k_map);",
    "schedule.load_x(at + ALL_W_BYTES, full, tile, rows, k * STAGE.k);",
    { file: SKELETON },
  ),
];

/** Who waits for whom: what hardware forgives until it does not. */
const order: Fault[] = [
  kernel(
    "umma-full-not-awaited",
    FP8,
    "operands are multiplied before they have arrived",
    "Cta::wait(&bar.full[ring.stage], ring.parity);",
    "",
    { file: SKELETON, blame: "ERROR", zoo: ["Z065"] },
  ),
  kernel(
    "umma-empty-not-awaited",
    MXFP4,
    "a stage is loaded while it is still multiplied",
    "Cta::wait(&bar.empty[ring.stage], ring.parity ^ 1);\n        if (one)",
    "if (one)",
    { file: SKELETON, blame: "ERROR", zoo: ["Z065"] },
  ),
  kernel(
    "umma-empty-not-awaited-by-scales",
    NVFP4,
    "scales are written while the last ones are copied to tensor memory",
    "else\n              Cta::wait(&bar.empty[ring.stage], ring.parity ^ 1);",
    "",
    { file: SKELETON, blame: "ERROR", zoo: ["Z065"] },
  ),
  kernel(
    "umma-copy-not-awaited",
    FP8W,
    "weights are widened before they have arrived",
    "ptx::mbarrier_wait(&bar.copied[ring.stage], ring.parity);",
    "ptx::mbarrier_wait(&bar.empty[ring.stage], ring.parity ^ 1);",
    { file: SKELETON, blame: "ERROR", zoo: ["Z065"] },
  ),
  kernel(
    "umma-acc-full-not-awaited",
    BF16,
    "a tile is stored before it is summed",
    "Cta::wait(&bar.acc_full[acc.stage], acc.parity);",
    "",
    { file: SKELETON, blame: "ERROR", zoo: ["Z065"] },
  ),
  kernel(
    "umma-acc-empty-not-awaited",
    F32,
    "a tile's sum begins in an accumulator that is still stored",
    "Cta::wait(&bar.acc_empty[acc.stage], acc.parity ^ 1);",
    "",
    { file: SKELETON, blame: "ERROR", zoo: ["Z065"] },
  ),
  kernel(
    "umma-one-accumulator",
    MXFP4,
    "both accumulators are the same columns",
    "const uint32_t d = tmem + acc.stage * MATRICES * T, width",
    "const uint32_t d = tmem, width",
    { file: SKELETON, blame: "ERROR" },
  ),
  kernel(
    "umma-without-proxy-fence",
    FP8,
    "scales that threads wrote are copied without a fence of the proxies",
    "ptx::fence_proxy_async();",
    "",
    { file: SKELETON, blame: "ERROR" },
  ),
  kernel(
    "umma-widened-without-proxy-fence",
    FP8W,
    "weights that threads widened are multiplied without a fence of the proxies",
    "ptx::fence_proxy_async();",
    "",
    { file: SKELETON, blame: "ERROR" },
  ),
  kernel(
    "umma-accumulator-without-fence",
    NVFP4,
    "a warp reads the accumulator without the fence behind its wait",
    "acc.parity);\n      ptx::tcgen05_fence_after();",
    "acc.parity);",
    {
      file: SKELETON,
      blame: "ERROR",
      blind:
        "the wait on a commit's mbarrier orders what comes behind it here; public kernels (CuTe's Blackwell tutorials) read so",
    },
  ),
  kernel(
    "umma-expects-x-only",
    BF16,
    "a stage waits for fewer bytes than are on their way",
    "(STAGE.widened ? 0 : STAGE.w_copied()) + x_bytes",
    "x_bytes",
    { file: SKELETON, blame: "ERROR" },
  ),
  kernel(
    "umma-expects-padding-too",
    MXFP4,
    "a stage waits for the padding of e2m1, which copies do not count",
    "(STAGE.widened ? 0 : STAGE.w_copied()) + x_bytes",
    "W_BYTES + x_bytes",
    { file: SKELETON, blame: "ERROR" },
  ),
  kernel(
    "umma-stage-not-freed",
    MXFP4,
    "nobody says that a stage is multiplied",
    "Cta::commit(&bar.empty[ring.stage]);",
    "",
    { file: SKELETON, blame: "ERROR" },
  ),
  kernel(
    "umma-table-without-barrier",
    NVFP4,
    "the tiles' table is summed before all threads have written it",
    "    __syncthreads();\n    if (threadIdx.x < 32)",
    "    if (threadIdx.x < 32)",
    { file: TILES, blame: "ERROR", zoo: ["Z065"] },
  ),
  kernel(
    "umma-partials-read-early",
    BF16,
    "partial sums of a cluster are added before all are there",
    "ptx::cluster_sync();\n      for (int32_t j = rank",
    "for (int32_t j = rank",
    { file: SKELETON, blame: "ERROR", zoo: ["Z065"] },
  ),
  kernel(
    "umma-partials-gone",
    FP8,
    "a CTA ends while others read its partial sums",
    "ptx::cluster_sync();  // a CTA's partial sums are there until all have read them",
    "",
    { file: SKELETON, blame: "ERROR" },
  ),
];

export const faults: readonly Fault[] = [...reduction, ...order];
