/** Faults of the indexer's scores in FP8: whose scale goes where, what a step reads, and when a stage is free. */
import type { Fault } from "../../harness/faults.ts";
import { kernel } from "./kernel.ts";

const SCORES = "index/index_scores_fp8";
const KEYS = "fused/score_keys_fp8";
const SM100 = "kernels/common/umma_scores.cuh";
const FORMAT = "kernels/common/umma_scores_format.cuh";
const PORTABLE = "kernels/common/scores.cuh";

const heads: Fault[] = [
  kernel(
    "fp8-scores-query-scale-dropped",
    SCORES,
    "the query's scale is left out of the weight",
    "* scale * ue8m0_to_f32(q.scale[before + c]);",
    "* scale;",
    { file: FORMAT },
  ),
  kernel(
    "fp8-scores-query-scale-twice",
    SCORES,
    "the query's scale is a factor twice",
    "float weight(const Params& p, int64_t head) {\n    return __bfloat162float(p.w[head]) * p.scale * ",
    "float weight(const Params& p, int64_t head) {\n    return __bfloat162float(p.w[head]) * p.scale * ue8m0_to_f32(p.q_s[head]) * ",
    { file: PORTABLE },
  ),
  kernel(
    "fp8-scores-query-scale-inverted",
    SCORES,
    "the weight is divided by the query's scale",
    "* scale * ue8m0_to_f32(",
    "* scale * ue8m0_reciprocal(",
    { file: FORMAT },
  ),
  kernel(
    "fp8-scores-query-scales-of-copy",
    SCORES,
    "scales of queries begin where the copy began, not at the group's first head",
    "q.scale[before + c]",
    "q.scale[c]",
    { file: FORMAT },
  ),
  kernel(
    "fp8-scores-query-scale-of-token",
    SCORES,
    "all heads of a token have its first one's scale",
    "ue8m0_to_f32(p.q_s[head])",
    "ue8m0_to_f32(p.q_s[head - head % p.n_head])",
    { file: PORTABLE },
  ),
  kernel(
    "fp8-scores-weight-rounded",
    SCORES,
    "the weight is rounded to bf16, as that of FP4 is",
    "__bfloat162float(q.w[before + c]) * scale * ue8m0",
    "__bfloat162float(__float2bfloat16_rn(__bfloat162float(q.w[before + c]) * scale)) * ue8m0",
    { file: FORMAT },
  ),
];

const entries: Fault[] = [
  kernel(
    "fp8-scores-entry-scale-dropped",
    SCORES,
    "sums are stored without their entry's scale",
    "Format::SCALED ? sum : sum * entry_scale",
    "sum",
    { file: SM100 },
  ),
  kernel(
    "fp8-scores-entry-scale-of-neighbour",
    SCORES,
    "neighbouring entries exchange their scales",
    "return k.scale[row];",
    "return k.scale[row ^ 1];",
    { file: FORMAT },
  ),
  kernel(
    "fp8-scores-entry-scale-of-pair",
    SCORES,
    "of two entries both have the second one's scale",
    "Format::finish(p, n, s[t][0])",
    "Format::finish(p, n + 1, s[t][0])",
    { file: PORTABLE },
  ),
  kernel(
    "fp8-scores-entry-scale-as-power",
    SCORES,
    "an entry's scale counts as a power of two",
    "return sum * p.k_s[min(n, p.n_entry - 1)];",
    "return sum * __uint_as_float(__float_as_uint(p.k_s[min(n, p.n_entry - 1)]) & 0xff800000u);",
    { file: PORTABLE },
  ),
  kernel(
    "fp8-scores-entry-scale-before-relu",
    SCORES,
    "a negative scale of an entry makes its scores zero",
    "Format::SCALED ? sum : sum * entry_scale",
    "Format::SCALED ? sum : sum * fmaxf(entry_scale, 0.f)",
    { file: SM100 },
  ),
];

const products: Fault[] = [
  kernel(
    "fp8-scores-last-step-missing",
    SCORES,
    "the last 32 channels are not multiplied",
    "step < 4; ++step",
    "step < 3; ++step",
    { file: FORMAT },
  ),
  kernel(
    "fp8-scores-descriptor-stays",
    SCORES,
    "every step reads the heads' first 32 channels again",
    "umma::k_major(ptx::shared(q.codes) + step * STEP_BYTES)",
    "umma::k_major(ptx::shared(q.codes))",
    { file: FORMAT },
  ),
  kernel(
    "fp8-scores-entries-as-e5m2",
    SCORES,
    "codes of entries are read as e5m2",
    "umma::idesc_e4m3(N)",
    "umma::idesc_e4m3(N) | 1u << 7",
    { file: FORMAT },
  ),
  kernel(
    "fp8-scores-codes-exchanged",
    SCORES,
    "of a head every two chunks of eight channels are exchanged",
    "load<VEC>(p.q + row * p.width, k, p.width, h);",
    "load<VEC>(p.q + row * p.width, k ^ 8, p.width, h);",
    { file: PORTABLE },
  ),
  kernel(
    "fp8-scores-relu-eats-nan",
    SCORES,
    "NaN becomes 0 in the relu",
    "return ptx::max_nan(__uint_as_float(dot), 0.f);",
    "return fmaxf(__uint_as_float(dot), 0.f);",
    { zoo: ["Z063"], file: SM100 },
  ),
  kernel(
    "fp8-scores-without-relu",
    SCORES,
    "negative dot products count",
    "return ptx::max_nan(__uint_as_float(dot), 0.f);",
    "return __uint_as_float(dot);",
    { zoo: ["Z051"], file: SM100 },
  ),
];

const order: Fault[] = [
  kernel(
    "fp8-scores-stage-free-too-early",
    SCORES,
    "entries are copied over scales that are still to be read",
    "Format::SCALED ? 1 : 1 + N_EPILOGUE_WARP / 2",
    "1",
    { file: SM100, blame: "ERROR" },
  ),
  kernel(
    "fp8-scores-entry-scale-unawaited",
    SCORES,
    "an entry's scale is read before its copy has arrived",
    "          ptx::mbarrier_wait(&bar.k_loaded[stage.stage], stage.parity);\n          entry_scale",
    "          entry_scale",
    { file: SM100, blame: "ERROR" },
  ),
  kernel(
    "fp8-scores-entries-unawaited",
    SCORES,
    "the tensor core does not wait for entries",
    "ptx::mbarrier_wait(&(Format::SCALED ? bar.k_ready : bar.k_loaded)[stage.stage], stage.parity);",
    "",
    { file: SM100, blame: "ERROR" },
  ),
  kernel(
    "fp8-scores-few-bytes-expected",
    SCORES,
    "the barrier of the heads expects scales of four bytes where one arrives",
    "(Cut::HEAD_BYTES + sizeof(bf16_t))",
    "(Cut::WORD_BYTES + sizeof(bf16_t))",
    { file: SM100, blame: "ERROR" },
  ),
];

const keys: Fault[] = [
  kernel(
    "fp8-keys-entry-scale-dropped",
    KEYS,
    "entries are chosen by sums without their scales",
    "return sum * p.k_s[min(n, p.n_entry - 1)];",
    "return sum;",
    { file: PORTABLE, output: "scores" },
  ),
  kernel(
    "fp8-keys-behind-the-other-ring",
    KEYS,
    "scores are kept where the ring of FP4 entries would end",
    "dynamic + cut.PIPELINE",
    "dynamic + plan::ScoreKeys::PIPELINE",
    { file: "kernels/fused/score_keys.sm100.cuh", output: "s", blame: "ERROR" },
  ),
  kernel(
    "fp8-keys-choice-by-sums",
    KEYS,
    "scores are stored scaled, and entries chosen by something else",
    "share.keep(token - share.token0, n, n - first, score);",
    "share.keep(token - share.token0, n, n - first, fabsf(score));",
    { file: "kernels/fused/score_keys.sm100.cuh", output: "topk" },
  ),
];

export const faults: readonly Fault[] = [...heads, ...entries, ...products, ...order, ...keys];
