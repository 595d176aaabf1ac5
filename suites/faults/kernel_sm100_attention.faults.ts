/** Faults of sparse_attention on tcgen05: what a tile, a stage, a running maximum and a shared list can get wrong. */
import type { Fault } from "../../harness/faults.ts";
import { kernel } from "./kernel.ts";

const fault = (
  id: string,
  what: string,
  find: string,
  replace: string,
  blame: Fault["blame"] = "FAIL",
  file = "kernels/common/umma_attention.cuh",
): Fault => kernel(`sm100-${id}`, "attention/sparse_attention", what, find, replace, { file, blame });
const ROWS = "kernels/common/umma_attention_rows.cuh";
const SOFTMAX = "kernels/common/umma_attention_softmax.cuh";
const OUT = "kernels/common/umma_attention_out.cuh";

const tiles: Fault[] = [
  fault(
    "list-end",
    "the slot behind the list is read: the next token's first key",
    "return j < p.op.n_key ?",
    "return j <= p.op.n_key ?",
    "ERROR",
  ),
  fault(
    "mask-lost",
    "a slot without a key joins the softmax with score 0",
    "a.row_of(i * KEYS + half * 32 + a.lane) >= 0",
    "a.row_of(i * KEYS + half * 32 + a.lane) >= -1",
    "FAIL",
    SOFTMAX,
  ),
  fault(
    "mask-of-the-first-half",
    "both halves of a tile are masked by the first half's slots",
    "a.row_of(i * KEYS + half * 32 + a.lane)",
    "a.row_of(i * KEYS + a.lane)",
    "FAIL",
    SOFTMAX,
  ),
  fault(
    "tail-tile",
    "keys beyond the last whole tile are left out",
    "Plan(p.op.n_tok, p.op.n_head, p.op.n_key).n_tile;",
    "max(1, p.op.n_key / int32_t(KEYS));",
  ),
  fault(
    "gather-row",
    "the fourth row of every copy is the third",
    "row_of(j + 2), a.row_of(j + 3)}",
    "row_of(j + 2), a.row_of(j + 2)}",
    "FAIL",
    ROWS,
  ),
  fault(
    "gather-clamped",
    "a slot without a key is read from row 0",
    "p.op.idx[int64_t(tok) * p.op.n_key + j] : -1",
    "max(p.op.idx[int64_t(tok) * p.op.n_key + j], 0) : -1",
  ),
  fault(
    "value-stride",
    "the second 64 channels of a value tile are looked for one group of keys on",
    "k * umma::SWIZZLE_BYTES, ATOM_BYTES)",
    "k * umma::SWIZZLE_BYTES, umma::GROUP_BYTES)",
  ),
];

const softmax: Fault[] = [
  fault(
    "anchor-of-half",
    "the halves of a tile's keys have a maximum each",
    "anchor::of(fmaxf(most, halves[threadIdx.x ^ HEADS]))",
    "anchor::of(most)",
    "FAIL",
    SOFTMAX,
  ),
  fault(
    "anchor-fraction",
    "the anchor is not an integer",
    "anchor::of(fmaxf(most, halves[threadIdx.x ^ HEADS]))",
    "fmaxf(most, halves[threadIdx.x ^ HEADS])",
    "FAIL",
    SOFTMAX,
  ),
  fault(
    "rescale-missing",
    "O keeps the anchor of its first tile",
    "rescale(a.sh.tmem + lanes, factor);",
    "",
    "FAIL",
    SOFTMAX,
  ),
  fault(
    "rescale-sum",
    "sum P of earlier tiles keeps its anchor",
    "L = L * factor + sum;",
    "L = L + sum;",
    "FAIL",
    SOFTMAX,
  ),
  fault(
    "sum-of-half",
    "L has half of the keys",
    "L += a.sh.halves[(n + 1) % 2][threadIdx.x ^ HEADS];",
    "",
    "FAIL",
    SOFTMAX,
  ),
  fault(
    "weights-truncated",
    "P becomes bf16 by truncation",
    "P[k] = ptx::ex2(t[8 * u + k] - m);",
    "P[k] = __uint_as_float(__float_as_uint(ptx::ex2(t[8 * u + k] - m)) & 0xffff0000u);",
    "FAIL",
    SOFTMAX,
  ),
  fault(
    "sink-in-numerator",
    "the sink has a value: o is what it would be without one",
    "__frcp_rn(sum + ptx::ex2(anchor::product(sink, anchor::LOG2_E) - m))",
    "__frcp_rn(sum)",
    "FAIL",
    OUT,
  ),
  fault(
    "sink-of-first-heads",
    "every block of heads uses the first one's sinks",
    "a.p.op.sink[a.head0 + head] : 0.0f",
    "a.p.op.sink[head] : 0.0f",
    "FAIL",
    OUT,
  ),
];

const order: Fault[] = [
  fault(
    "keys-overwritten",
    "keys are loaded into a stage that the tensor core still reads",
    "A::Cta::wait(&a.sh.done[ring.stage], ring.parity ^ 1);",
    "",
    "ERROR",
    ROWS,
  ),
  fault(
    "weights-not-awaited",
    "O is added to before P is there",
    "Cta::wait(&sh.p_full[ring.stage], ring.parity);",
    "",
    "ERROR",
  ),
  fault(
    "weights-unfenced",
    "P is not made visible to the tensor core",
    "ptx::fence_proxy_async();\n    __syncwarp();",
    "__syncwarp();",
    "ERROR",
    SOFTMAX,
  ),
  fault(
    "rescale-not-awaited",
    "O is rescaled while the tile before is added to it",
    "Cta::wait(&a.sh.done[ring.stage ^ 1], ring.parity ^ ring.stage ^ 1);",
    "",
    "ERROR",
    SOFTMAX,
  ),
  fault(
    "rescale-store-not-awaited",
    "the next product may begin before the rescaled O is stored",
    "  }\n  ptx::tmem_store_wait();",
    "  }",
    "ERROR",
    SOFTMAX,
  ),
  kernel(
    "sm100-scores-unfenced",
    "attention/sparse_attention",
    "no tcgen05 fence lies between the score's load and the arrival that lets the next product overwrite it",
    "ptx::tcgen05_fence_before();\n\n    // P",
    "// P",
    {
      file: SOFTMAX,
      blame: "ERROR",
      blind:
        "tcgen05.wait::ld has completed the load, and the arrival releases what its thread knows; the fence makes as much of a relaxed one (#tcgen05-memory-consistency-model-canonical-sync-patterns-non-pipelined-diff-thread)",
    },
  ),
];

const split: Fault[] = [
  fault(
    "rank-lost",
    "the last CTA's share of O is left out",
    "for (uint32_t r = 0; r < a.split; ++r) {\n      const float factor = a.sh.factor[r][head];",
    "for (uint32_t r = 0; r + 1 < a.split; ++r) {\n      const float factor = a.sh.factor[r][head];",
    "FAIL",
    OUT,
  ),
  fault(
    "rank-order",
    "a CTA's O is brought to the common anchor by another CTA's factor",
    "const float factor = a.sh.factor[r][head];",
    "const float factor = a.sh.factor[a.split - 1 - r][head];",
    "FAIL",
    OUT,
  ),
  fault(
    "rank-gone",
    "a CTA leaves while others read its part",
    "ptx::cluster_sync();  // a CTA's parts are there until all have read them",
    "",
    "ERROR",
  ),
];

export const faults: readonly Fault[] = [...tiles, ...softmax, ...order, ...split];
