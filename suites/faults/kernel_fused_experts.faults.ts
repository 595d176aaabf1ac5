/** Faults of the fusions of an expert's first half. */
import type { Fault } from "../../harness/faults.ts";
import { kernel } from "./kernel.ts";

const SKELETON = "kernels/common/umma_linear.cuh";
const ROWS = "kernels/common/expert_up.cuh";
const TILE = "kernels/common/expert_up_tile.cuh";
const [MXFP4, NVFP4] = ["mxfp4", "nvfp4"].map((format) => `fused/expert_up_${format}`);
const SHARED = "fused/shared_up";

/** What both kernels of a fusion do with a row. */
const rows: Fault[] = [
  kernel(
    "up-quantises-unrounded",
    MXFP4,
    "the activation is cut to bf16 instead of rounded before it is quantised",
    "const uint2 y = {two(g.x, u.x), two(g.y, u.y)};",
    "const uint2 y = {two(g.x, u.x) & 0xfffefffe, two(g.y, u.y) & 0xfffefffe};",
    { file: ROWS, output: "act" },
  ),
  kernel(
    "up-without-taps",
    SHARED,
    "the codes are those of nothing where the activation is not watched",
    "if (p.act) four.store(p.act, y);",
    "if (!p.act) return {0, 0}; four.store(p.act, y);",
    { file: ROWS, output: "w1" },
  ),
  kernel(
    "up-weight-by-row",
    NVFP4,
    "a row weighs in with the weight of the slot of its own number",
    "p.weight[p.row_slot ? p.row_slot[row] : row]",
    "p.weight[row]",
    { file: ROWS, output: "act" },
  ),
  kernel(
    "up-scale-of-half-a-row",
    MXFP4,
    "the scale is made of the lane's own half of the block",
    "__reduce_max_sync(FULL_WARP, abs_max_of(y))",
    "warp_max(abs_max_of(y), 16)",
    { file: ROWS, output: "quant.q" },
  ),
  kernel(
    "up-nvfp4-scale-of-eight",
    NVFP4,
    "a block's scale sees eight of its sixteen channels",
    "nvfp4_scale(warp_max(abs_max_of(y), 4), global)",
    "nvfp4_scale(warp_max(abs_max_of(y), 2), global)",
    { file: ROWS, output: "quant.q" },
  ),
  kernel(
    "up-ragged-row",
    SHARED,
    "a ragged tile's rows are read as if they were 128 wide",
    "load4(rows.g + r * width, c, width)",
    "load4(rows.g + r * CHANNELS, c, width)",
    { file: TILE, output: "g", blame: "ERROR" },
  ),
];

/** What the skeleton on tcgen05 does for fusions: two matrices a stage, sums by token. */
const skeleton: Fault[] = [
  kernel(
    "rows-one-matrix-twice",
    SHARED,
    "both accumulators multiply w1",
    "umma::k_major(at + a * W_BYTES + 32 * step)",
    "umma::k_major(at + 32 * step)",
    { file: SKELETON, output: "w3" },
  ),
  kernel(
    "rows-scales-of-first-matrix",
    MXFP4,
    "w3 is multiplied under the scales of w1",
    "tmem + sf_w + a * STAGE.w_atoms * umma::SCALE_ATOM_COLUMNS, tmem + sf_x",
    "tmem + sf_w, tmem + sf_x",
    { file: SKELETON, output: "w3" },
  ),
  kernel(
    "rows-read-before-written",
    NVFP4,
    "a warp reads sums that other warps have not put yet",
    "ptx::named_barrier(EPILOGUE_BARRIER, 32 * N_EPILOGUE_WARP);\n          for",
    "__syncwarp();\n          for",
    { file: SKELETON, output: "g", blame: "ERROR" },
  ),
  kernel(
    "rows-written-before-read",
    MXFP4,
    "the next tokens' sums are put where others still read the last",
    "ptx::named_barrier(EPILOGUE_BARRIER, 32 * N_EPILOGUE_WARP);  // sums are there until all are stored",
    "",
    { file: SKELETON, output: "g", blame: "ERROR" },
  ),
  kernel(
    "rows-two-accumulators-each",
    MXFP4,
    "two accumulators of each matrix are taken where tensor memory holds one",
    "n_acc = STAGE.accumulators(T, CTAS)",
    "n_acc = 2",
    { file: SKELETON, output: "g", blame: "ERROR" },
  ),
];

export const faults: readonly Fault[] = [...rows, ...skeleton];
