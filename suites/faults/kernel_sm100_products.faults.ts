/** Faults of products on tcgen05: which rows of which matrix meet which tokens, and which scale multiplies what. */
import type { Fault } from "../../harness/faults.ts";
import { kernel } from "./kernel.ts";

const SKELETON = "kernels/common/umma_linear.cuh";
const TILES = "kernels/common/umma_tiles.cuh";
const EXPERT = "kernels/common/umma_expert.cuh";
const FORMAT = "kernels/common/umma_format.cuh";
const [BF16, F32, FP8, FP8W] = ["linear_bf16", "linear_f32", "linear_fp8", "grouped_linear_fp8w"].map(
  (op) => `linear/${op}`,
);
const [MXFP4, NVFP4] = ["mxfp4", "nvfp4"].map((format) => `moe/expert_linear_${format}`);

/** Which rows of which matrix meet which tokens. */
const tiles: Fault[] = [
  kernel(
    "umma-first-tile-forever",
    BF16,
    "a CTA loads the operands of its first tile for every tile",
    "const Tile tile = schedule.at(i);\n      const auto rows",
    "const Tile tile = schedule.at(first);\n      const auto rows",
    { file: SKELETON },
  ),
  kernel(
    "umma-tile-of-the-next-cta",
    F32,
    "tokens of a tile begin where those of the next one do",
    "m0 = i % n_m * l.tokens,",
    "m0 = (i + 1) % n_m * l.tokens,",
    { file: TILES },
  ),
  kernel(
    "umma-group-without-its-rows",
    FP8W,
    "every group multiplies the first group's weights",
    "t.matrix * l.N + t.n0",
    "t.n0",
    { file: TILES, zoo: ["Z099"] },
  ),
  kernel(
    "umma-group-of-tokens",
    FP8W,
    "every group reads the first group's channels",
    "k, t.group, x_begin",
    "k, 0, x_begin",
    { file: TILES, zoo: ["Z099"] },
  ),
  kernel(
    "umma-expert-as-slot",
    MXFP4,
    "weights are taken by expert, not by the slot where they lie",
    "slot = expert_slot[e];",
    "slot = min(e, n_slot - 1);",
    { file: TILES },
  ),
  kernel(
    "umma-expert-tile-from-the-start",
    NVFP4,
    "every row tile of an expert holds its first rows",
    "offset[e] + j % n_m * l.tokens",
    "offset[e]",
    { file: TILES },
  ),
  kernel(
    "umma-expert-search-strict",
    MXFP4,
    "an expert's first tile is taken for the one before it",
    "before[middle] <= m",
    "before[middle] < m",
    { file: TILES },
  ),
  kernel(
    "umma-expert-scan-short",
    NVFP4,
    "the sum over lanes leaves out the last doubling",
    "for (uint32_t d = 1; d < 32; d *= 2)",
    "for (uint32_t d = 1; d < 16; d *= 2)",
    { file: TILES },
  ),
  kernel(
    "umma-expert-rows-of-the-next",
    NVFP4,
    "the last tile of an expert stores over the next expert's rows",
    "min(l.tokens, offset[e + 1] - m0), e, slot",
    "l.tokens, e, slot",
    { file: TILES, blame: "ERROR" },
  ),
  kernel(
    "umma-gather-row-exchanged",
    MXFP4,
    "a lane gathers its four rows in another order",
    "{{row[0], row[1], row[2], row[3]}",
    "{{row[0], row[2], row[1], row[3]}",
    { file: TILES },
  ),
  kernel(
    "umma-gather-past-the-load",
    MXFP4,
    "rows beyond an expert's load are gathered, the last ones from behind the list",
    "first + j < t.m0 + t.rows ? source(first + j) : -1;",
    "source(first + j);",
    { file: TILES, blame: "ERROR" },
  ),
  kernel(
    "umma-rows-unmasked",
    FP8,
    "tokens beyond the last are stored",
    "if (c + j < tile.rows && int32_t(row) < tile.w_rows)",
    "if (int32_t(row) < tile.w_rows)",
    { file: SKELETON, blame: "ERROR" },
  ),
  kernel(
    "umma-weight-rows-unmasked",
    FP8W,
    "rows of w beyond a group's last are stored",
    "if (c + j < tile.rows && int32_t(row) < tile.w_rows)",
    "if (c + j < tile.rows)",
    { file: SKELETON, blame: "ERROR" },
  ),
];

/** Which scale multiplies what. */
const scales: Fault[] = [
  kernel(
    "umma-scale-of-first-step",
    MXFP4,
    "all steps of a stage take the first step's scale",
    "umma::TYPE_E4M3, N, step,",
    "umma::TYPE_E4M3, N, 0,",
    { file: FORMAT },
  ),
  kernel(
    "umma-scale-atom-of-first-step",
    NVFP4,
    "all steps of a stage take the first step's scale atom of x",
    "sf_w + column, sf_x + CTAS * column,",
    "sf_w + column, sf_x,",
    { file: FORMAT },
  ),
  kernel(
    "umma-atom-rows-in-order",
    FP8,
    "an atom's rows lie in order, not 32 apart side by side",
    "{of_row[0], of_row[1], of_row[2], of_row[3]};",
    "{of_row[0], of_row[2], of_row[1], of_row[3]};",
    { file: FORMAT },
  ),
  kernel(
    "umma-atoms-exchanged",
    NVFP4,
    "neighbouring scale atoms of w are exchanged",
    "v.w[m][a].put(atoms + (m * ATOMS + a) * plan::SCALE_ATOM, lane);",
    "v.w[m][a].put(atoms + (m * ATOMS + (a ^ 1)) * plan::SCALE_ATOM, lane);",
    { file: EXPERT },
  ),
  kernel(
    "umma-scale-not-repeated",
    MXFP4,
    "an activation's scale reaches the first of its four steps only",
    "v.of_row[q] *= 0x01010101u;",
    "v.of_row[q] *= 0x00000001u;",
    { file: FORMAT },
  ),
  kernel(
    "umma-scale-column-missing",
    NVFP4,
    "every scale atom goes to the first one's columns",
    "tmem + sf_w + a * umma::SCALE_ATOM_COLUMNS, umma",
    "tmem + sf_w, umma",
    { file: SKELETON, blame: "ERROR" },
  ),
  kernel(
    "umma-fp8-first-weight-scale",
    FP8,
    "all rows of w use the first 128 rows' scales",
    "w_s(t, a) + row / 128 * n_block;",
    "w_s(t, a);",
    { file: "kernels/common/umma_fp8.cuh", zoo: ["Z175"] },
  ),
  kernel(
    "umma-mxfp4-scale-of-first-row",
    MXFP4,
    "all rows of a tile use the activation scales of its first",
    "x_s + x.source(t.m0 + r) * n_block",
    "x_s + x.source(t.m0) * n_block",
    { file: EXPERT },
  ),
  kernel(
    "umma-mxfp4-first-expert-scale",
    MXFP4,
    "every expert uses the first slot's weight scales",
    "(int64_t(t.matrix) * N + t.n0) * n_block;",
    "t.n0 * n_block;",
    { file: EXPERT, zoo: ["Z121"] },
  ),
  kernel(
    "umma-nvfp4-scales-past-the-row",
    NVFP4,
    "the scale behind a row's last is the next row's first",
    "ATOMS * k + 1 < n_word ? row[1] : 0",
    "row[1]",
    { file: EXPERT },
  ),
  kernel(
    "umma-nvfp4-global-twice",
    NVFP4,
    "the global scale is applied twice",
    "y(m, n, sum * global);",
    "y(m, n, sum * global * global);",
    { file: `kernels/${NVFP4}.sm100.cu` },
  ),
  kernel(
    "umma-nvfp4-global-by-slot",
    NVFP4,
    "the activations' global scale is taken by slot",
    "p.a_global[t.group]",
    "p.a_global[t.matrix % p.n_expert]",
    { file: `kernels/${NVFP4}.sm100.cu`, zoo: ["Z160"] },
  ),
  kernel(
    "umma-fp8w-one-scale-block",
    FP8W,
    "a tile whose rows lie in two scale blocks uses the first",
    "int32_t(row) < v.split ? v.first : v.second,",
    "v.first,",
    { file: "kernels/common/umma_fp8w.cuh" },
  ),
  kernel(
    "umma-fp8w-scale-of-the-next",
    FP8W,
    "every second stage of K uses the next block's scale",
    "block = k * plan::FP8W.k / 128;",
    "block = min((k + 1) * plan::FP8W.k / 128, plan::div_up(K, 128) - 1);",
    { file: "kernels/common/umma_fp8w.cuh" },
  ),
  kernel(
    "umma-fp8w-chunk-unswizzled",
    FP8W,
    "the second half of sixteen weights is written where an unswizzled row has it",
    "to + ((chunk + 1) ^ row % 8) * CHUNK",
    "to + (chunk + 1) * CHUNK",
    { file: "kernels/common/umma_fp8w.cuh" },
  ),
];

export const faults: readonly Fault[] = [...tiles, ...scales];
