/** Faults of the FP4 indexer: its quantiser, and the scores on tcgen05 and on the portable path. */
import type { Fault } from "../../harness/faults.ts";
import { kernel } from "./kernel.ts";

const QUANTISER = "quant/act_quant_mxfp4";
const SCORES = "index/index_scores";
const SM100 = "kernels/common/umma_scores.cuh";
const FORMAT = "kernels/common/umma_scores_format.cuh";

const quantiser: Fault[] = [
  kernel(
    "mxfp4-nibbles-exchanged",
    QUANTISER,
    "the second code of a pair goes to the low half of its byte",
    "return f32_to_e2m1(bf16_low(pair) * inv) | f32_to_e2m1(bf16_high(pair) * inv) << 4;",
    "return f32_to_e2m1(bf16_low(pair) * inv) << 4 | f32_to_e2m1(bf16_high(pair) * inv);",
    { file: "kernels/common/mxfp4.cuh", output: "q" },
  ),
  kernel(
    "mxfp4-ties-away",
    QUANTISER,
    "midpoints round away from zero",
    "f32_to_e2m1(bf16_low(pair) * inv)",
    "f32_to_e2m1(bf16_low(pair) * inv * 1.000001f)",
    { file: "kernels/common/mxfp4.cuh", zoo: ["Z167"], output: "q" },
  ),
  kernel(
    "mxfp4-scale-of-two-blocks",
    QUANTISER,
    "eight lanes share a scale, two blocks in a row",
    "warp_max(abs_max_bits(v), BLOCK / 8)",
    "warp_max(abs_max_bits(v), BLOCK / 4)",
    { output: "s" },
  ),
  kernel(
    "mxfp4-floor-missing",
    QUANTISER,
    "a block of zeros takes the format's smallest scale, not the floor's",
    "AMAX_FLOOR = 6 * 0x1p-126f;",
    "AMAX_FLOOR = 0;",
    { file: "kernels/common/mxfp4.cuh", output: "s" },
  ),
  kernel(
    "mxfp4-scale-index-of-whole-blocks",
    QUANTISER,
    "rows with a short last block have no place for its scale",
    "p.s[row * ((p.width + BLOCK - 1) / BLOCK) + b] = ue8m0_t(code);",
    "p.s[row * max(1, p.width / BLOCK) + b] = ue8m0_t(code);",
    { output: "s" },
  ),
];

const portable: Fault[] = [
  kernel(
    "scores-scale-of-first-block",
    SCORES,
    "every block of a row has the first one's scale",
    "scales[row * n_block + k / 32]",
    "scales[row * n_block]",
    { file: "kernels/common/scores.cuh" },
  ),
  kernel(
    "scores-smallest-scale-is-zero",
    SCORES,
    "byte 0 is 0, not 2^-127",
    "scale == 0 ? 0x0040u",
    "scale == 0 ? 0x0000u",
    { zoo: ["Z165"], file: "kernels/common/mma.cuh" },
  ),
];

const tensor = (
  id: string,
  what: string,
  find: string,
  replace: string,
  of: { zoo?: readonly string[]; file?: string; blame?: Fault["blame"] } = {},
): Fault => kernel(id, SCORES, what, find, replace, { file: SM100, ...of });

const numbers: Fault[] = [
  tensor(
    "sm100-scores-first-scales-twice",
    "the second half of K is multiplied with the scales of the first",
    "umma::idesc_mxf4(N, step * STEP_SCALES)",
    "umma::idesc_mxf4(N, 0)",
    { file: FORMAT },
  ),
  tensor(
    "sm100-scores-descriptor-stays",
    "the second step reads the entries' first 32 bytes again",
    "umma::k_major_64b(ptx::shared(k.codes) + step * STEP_BYTES)",
    "umma::k_major_64b(ptx::shared(k.codes))",
    { file: FORMAT },
  ),
  tensor(
    "sm100-scores-rows-of-128-bytes",
    "groups of eight rows lie 1024 bytes apart, as with the 128-byte swizzle",
    "uint64_t(8 * 64 >> 4) << 32",
    "uint64_t(8 * 128 >> 4) << 32",
    { file: "kernels/common/umma.cuh" },
  ),
  tensor(
    "sm100-scores-scales-not-transposed",
    "four rows in a row, not 32 apart, share a lane of scales",
    "word[32 * q + lane] : 0;",
    "word[4 * lane + q] : 0;",
    { file: FORMAT },
  ),
  tensor(
    "sm100-scores-second-atom-on-first",
    "scales of heads from the 128th on land where the first ones are",
    "sf_q + a * umma::SCALE_ATOM_COLUMNS",
    "sf_q",
    { file: FORMAT, blame: "ERROR" },
  ),
  tensor(
    "sm100-scores-tile-before",
    "every second tile scores the entries of the one before it",
    "&p.k_map, loaded, 0, t.entry * Cut::ENTRIES",
    "&p.k_map, loaded, 0, (t.entry & ~1) * Cut::ENTRIES",
  ),
  tensor(
    "sm100-scores-walk-from-first-entry",
    "a CTA that begins in mid-row begins with the first entries",
    "entry(tile % n_entry_tile)",
    "entry(0)",
  ),
  tensor(
    "sm100-scores-without-relu",
    "negative dot products count",
    "return ptx::max_nan(__uint_as_float(dot), 0.f);",
    "return __uint_as_float(dot);",
    { zoo: ["Z051"] },
  ),
  tensor(
    "sm100-scores-relu-eats-nan",
    "NaN becomes 0 in the relu",
    "return ptx::max_nan(__uint_as_float(dot), 0.f);",
    "return fmaxf(__uint_as_float(dot), 0.f);",
    { zoo: ["Z063"] },
  ),
  tensor(
    "sm100-scores-heads-exchanged",
    "neighbouring heads exchange their weights",
    "{relu(dot[j]), relu(dot[j + 1])}, {w.x, w.y}",
    "{relu(dot[j]), relu(dot[j + 1])}, {w.y, w.x}",
    { zoo: ["Z054"] },
  ),
  tensor(
    "sm100-scores-weights-of-copy",
    "weights begin where the copy began, not at the group's first head",
    "__float2bfloat16_rn(__bfloat162float(q.w[before + c])",
    "__float2bfloat16_rn(__bfloat162float(q.w[c])",
    { file: FORMAT },
  ),
  tensor(
    "sm100-scores-weight-not-rounded",
    "the head weight is cut where the contract rounds it to bf16",
    "__float2bfloat16_rn(__bfloat162float(q.w",
    "__float2bfloat16_rz(__bfloat162float(q.w",
    { file: FORMAT },
  ),
  tensor(
    "sm100-scores-padding-stored",
    "heads that fill the columns up to sixteen make tokens of their own",
    "if (token < tokens) store(",
    "store(",
    { blame: "ERROR" },
  ),
];

const order: Fault[] = [
  tensor(
    "sm100-scores-stage-overwritten",
    "entries are copied over those that are still multiplied",
    "ptx::mbarrier_wait(&bar.k_empty[stage.stage], stage.parity ^ 1);",
    "",
    { blame: "ERROR" },
  ),
  tensor(
    "sm100-scores-scales-without-wait",
    "the tensor core does not wait for the scales of entries",
    "ptx::mbarrier_wait(&(Format::SCALED ? bar.k_ready : bar.k_loaded)[stage.stage], stage.parity);",
    "",
    { blame: "ERROR" },
  ),
  tensor(
    "sm100-scores-sums-overwritten",
    "the next products go over sums that are still read",
    "ptx::mbarrier_wait(&bar.acc_empty[acc.stage], acc.parity ^ 1);",
    "",
    { zoo: ["Z171"], blame: "ERROR" },
  ),
  tensor(
    "sm100-scores-sums-without-wait",
    "sums are read before the products are there",
    "ptx::mbarrier_wait(&bar.acc_full[mine], acc.parity);",
    "",
    { blame: "ERROR" },
  ),
  tensor(
    "sm100-scores-fence-missing",
    "scales of entries are copied to tensor memory without a fence between the proxies",
    "transpose(k.atom, k.scale, 128, lane);\n    ptx::fence_proxy_async();",
    "transpose(k.atom, k.scale, 128, lane);",
    { file: FORMAT, blame: "ERROR" },
  ),
  tensor(
    "sm100-scores-heads-overwritten",
    "the next tokens come while the last ones' weights are still read",
    "ptx::mbarrier_init(&bar.q_empty[i], 1 + N_EPILOGUE_WARP);",
    "ptx::mbarrier_init(&bar.q_empty[i], 1);",
    { blame: "ERROR" },
  ),
];

export const faults: readonly Fault[] = [...quantiser, ...portable, ...numbers, ...order];
