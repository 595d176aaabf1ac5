/** Faults of products on pairs of CTAs (cta_group::2): which half is whose, and who tells whom. */
import type { Fault } from "../../harness/faults.ts";
import { kernel } from "./kernel.ts";

const SKELETON = "kernels/common/umma_linear.cuh";
const CTAS = "kernels/common/umma_ctas.cuh";
const TILES = "kernels/common/umma_tiles.cuh";
const FORMAT = "kernels/common/umma_format.cuh";
const EXPERT = "kernels/common/umma_expert.cuh";
const [BF16, FP8, FP8W] = ["linear_bf16", "linear_fp8", "grouped_linear_fp8w"].map((op) => `linear/${op}`);
const [MXFP4, NVFP4] = ["mxfp4", "nvfp4"].map((format) => `moe/expert_linear_${format}`);

/** Only the cases that pairs run. */
const onPairs = (f: Fault, ...more: readonly string[]): Fault => ({
  ...f,
  run: [...f.run, "--case", "pair", ...more],
});
const pair = (
  id: string,
  where: string,
  what: string,
  file: string,
  find: string,
  replace: string,
  blame: Fault["blame"] = "FAIL",
  more: readonly string[] = [],
): Fault => onPairs(kernel(`umma-pair-${id}`, where, what, find, replace, { file, blame }), ...more);

/** Which half of the operands, scales and results is whose. */
const halves: Fault[] = [
  pair(
    "halves-exchanged",
    BF16,
    "each CTA loads the other's half of the tokens",
    TILES,
    "t.m0 + Ctas<CTAS>::side() * x_width",
    "t.m0 + (CTAS - 1 - Ctas<CTAS>::side()) * x_width",
  ),
  pair(
    "first-half-twice",
    MXFP4,
    "both CTAs load the first half of the tokens",
    TILES,
    "t.m0 + Ctas<CTAS>::side() * x_width<CTAS>(l, t)",
    "t.m0",
  ),
  pair(
    "same-rows",
    NVFP4,
    "both CTAs multiply the first one's rows of w",
    TILES,
    "(CTAS * tile + Ctas<CTAS>::side()) * plan::W_ROWS",
    "CTAS * tile * plan::W_ROWS",
  ),
  pair(
    "half-the-rows",
    BF16,
    "the instruction is told of 128 rows, 64 of each CTA",
    FORMAT,
    "umma::idesc_bf16(N, CTAS * plan::W_ROWS)",
    "umma::idesc_bf16(N, plan::W_ROWS)",
    "ERROR",
  ),
  pair(
    "scales-of-first-half",
    FP8,
    "tokens beyond the first 128 take the scales of those",
    FORMAT,
    "return 128 * atom(thread) + lane(thread);",
    "return lane(thread);",
  ),
  pair(
    "scales-of-the-other-half",
    MXFP4,
    "the scales of the first 128 tokens and of those beyond are exchanged",
    EXPERT,
    "v.x.put(atoms + (MATRICES + Warp::atom(thread)) * plan::SCALE_ATOM",
    "v.x.put(atoms + (MATRICES + CTAS - 1 - Warp::atom(thread)) * plan::SCALE_ATOM",
  ),
  pair(
    "atoms-by-tokens",
    NVFP4,
    "a step's atoms of scales lie where those of another step are looked for",
    EXPERT,
    "ATOMS + CTAS * a + Warp::atom(thread)",
    "ATOMS + a + ATOMS * Warp::atom(thread)",
  ),
  pair(
    "atom-columns-of-one",
    NVFP4,
    "a step's scales of x are looked for where one atom a step would lie",
    FORMAT,
    "sf_x + CTAS * column,",
    "sf_x + column,",
  ),
  pair(
    "scales-behind-the-last",
    FP8,
    "a CTA without rows of w reads scales behind the last",
    "kernels/common/umma_fp8.cuh",
    "row = t.w_rows > 0 ? t.n0 : 0;",
    "row = t.n0;",
    "ERROR",
  ),
];

/** Who tells whom. */
const words: Fault[] = [
  pair(
    "commit-to-one",
    FP8,
    "only the leader hears that a stage is multiplied and a tile summed",
    CTAS,
    "BOTH = 0b11;",
    "BOTH = 0b01;",
    "ERROR",
  ),
  pair(
    "bytes-of-one",
    BF16,
    "a stage waits for the bytes of one CTA",
    SKELETON,
    "CTAS * ((STAGE.widened",
    "((STAGE.widened",
    "ERROR",
  ),
  pair(
    "scales-not-awaited",
    FP8,
    "a stage is multiplied before the other CTA's scales are written",
    SKELETON,
    "&bar.full[s], 1 + CTAS * Fill::WARPS",
    "&bar.full[s], 1 + Fill::WARPS",
    "ERROR",
  ),
  pair(
    "stores-not-awaited",
    NVFP4,
    "a tile's sum begins in an accumulator that the other CTA still stores",
    SKELETON,
    "CTAS * N_EPILOGUE_WARP",
    "N_EPILOGUE_WARP",
    "ERROR",
    ["--async", "random:1"], // by default all eight warps have arrived before the leader looks
  ),
  pair(
    "leader-not-told",
    MXFP4,
    "the other CTA's threads arrive at its own barriers, where nobody waits",
    CTAS,
    "ptx::mbarrier_arrive_cluster(at_leader(bar))",
    "ptx::mbarrier_arrive_cluster(ptx::shared(bar))",
    "ERROR",
  ),
  pair(
    "copy-tells-leader",
    FP8W,
    "copies of weights that are still to be widened arrive at the leader's barrier",
    SKELETON,
    "schedule.load_w(Ctas<1>{},",
    "schedule.load_w(Cta{},",
    "ERROR",
  ),
  pair(
    "own-barrier",
    BF16,
    "copies of the other CTA arrive at its own barrier, where nobody waits",
    CTAS,
    "return ptx::mapa(ptx::shared(bar), LEADER);",
    "return ptx::shared(bar);",
    "ERROR",
  ),
  pair(
    "both-issue",
    FP8,
    "both CTAs issue the pair's instructions",
    SKELETON,
    "warp == 1 && leads && ptx::elect_one()",
    "warp == 1 && ptx::elect_one()",
    "ERROR",
  ),
  pair(
    "not-in-step",
    NVFP4,
    "a CTA begins and ends without the other",
    CTAS,
    "{ ptx::cluster_sync(); }",
    "{ __syncthreads(); }",
    "ERROR",
  ),
];

/** What fusions add to pairs. */
const fused: Fault[] = [
  kernel(
    "umma-pair-stores-without-rows",
    "fused/shared_up",
    "a CTA without rows of w stores a tile's results",
    " && tile.w_rows > 0; j +=",
    "; j +=",
    { file: SKELETON, output: "g", blame: "ERROR" },
  ),
  kernel(
    "umma-pair-tiles-of-one",
    "fused/linear_fp8_pair",
    "tiles of the first weights are counted as one CTA would have them",
    "plan::w_tiles(N[j], CTAS)",
    "plan::w_tiles(N[j], 1)",
    { file: "kernels/common/umma_several.cuh", output: "y1" },
  ),
].map((f) => onPairs(f));

export const faults: readonly Fault[] = [...halves, ...words, ...fused];
