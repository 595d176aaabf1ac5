/** Faults of sparse_attention on tcgen05: what a tile, a stage, a running maximum and a shared list can get wrong. */
import type { Fault } from "../../harness/faults.ts";
import { kernel } from "./kernel.ts";

const fault = (
  id: string,
  what: string,
  find: string,
  replace: string,
  blame: Fault["blame"] = "FAIL",
): Fault =>
  kernel(`sm100-${id}`, "attention/sparse_attention", what, find, replace, {
    file: "kernels/common/umma_attention.cuh",
    blame,
  });

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
    "row_of(i * KEYS + half * 32 + lane) >= 0",
    "row_of(i * KEYS + half * 32 + lane) >= -1",
  ),
  fault(
    "mask-of-the-first-half",
    "both halves of a tile are masked by the first half's slots",
    "row_of(i * KEYS + half * 32 + lane)",
    "row_of(i * KEYS + lane)",
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
    "row_of(j + 2), row_of(j + 3)}",
    "row_of(j + 2), row_of(j + 2)}",
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
  ),
  fault(
    "anchor-fraction",
    "the anchor is not an integer",
    "anchor::of(fmaxf(most, halves[threadIdx.x ^ HEADS]))",
    "fmaxf(most, halves[threadIdx.x ^ HEADS])",
  ),
  fault("rescale-missing", "O keeps the anchor of its first tile", "rescale(sh.tmem + lanes, factor);", ""),
  fault("rescale-sum", "sum P of earlier tiles keeps its anchor", "L = L * factor + sum;", "L = L + sum;"),
  fault("sum-of-half", "L has half of the keys", "L += sh.halves[(n + 1) % 2][threadIdx.x ^ HEADS];", ""),
  fault(
    "weights-truncated",
    "P becomes bf16 by truncation",
    "P[k] = ptx::ex2(t[8 * u + k] - m);",
    "P[k] = __uint_as_float(__float_as_uint(ptx::ex2(t[8 * u + k] - m)) & 0xffff0000u);",
  ),
  fault(
    "sink-in-numerator",
    "the sink has a value: o is what it would be without one",
    "__frcp_rn(sum + ptx::ex2(anchor::product(sink, anchor::LOG2_E) - m))",
    "__frcp_rn(sum)",
  ),
  fault(
    "sink-of-first-heads",
    "every block of heads uses the first one's sinks",
    "p.op.sink[head0 + head] : 0.0f",
    "p.op.sink[head] : 0.0f",
  ),
];

const order: Fault[] = [
  fault(
    "keys-overwritten",
    "keys are loaded into a stage that the tensor core still reads",
    "ptx::mbarrier_wait(&sh.done[ring.stage], ring.parity ^ 1);\n      if (lane == 0)",
    "if (lane == 0)",
    "ERROR",
  ),
  fault(
    "weights-not-awaited",
    "O is added to before P is there",
    "ptx::mbarrier_wait(&sh.p_full[ring.stage], ring.parity);",
    "",
    "ERROR",
  ),
  fault(
    "weights-unfenced",
    "P is not made visible to the tensor core",
    "ptx::fence_proxy_async();\n      __syncwarp();",
    "__syncwarp();",
    "ERROR",
  ),
  fault(
    "rescale-not-awaited",
    "O is rescaled while the tile before is added to it",
    "ptx::mbarrier_wait(&sh.done[ring.stage ^ 1], ring.parity ^ ring.stage ^ 1);",
    "",
    "ERROR",
  ),
  fault(
    "rescale-store-not-awaited",
    "the next product may begin before the rescaled O is stored",
    "    }\n    ptx::tmem_store_wait();",
    "    }",
    "ERROR",
  ),
  fault(
    "scores-unfenced",
    "nothing orders the score's load before the next score's product",
    "ptx::tcgen05_fence_before();\n\n      // P",
    "// P",
    "ERROR",
  ),
];

const split: Fault[] = [
  fault(
    "rank-lost",
    "the last CTA's share of O is left out",
    "for (uint32_t r = 0; r < split; ++r) {\n        const float factor = sh.factor[r][head];",
    "for (uint32_t r = 0; r + 1 < split; ++r) {\n        const float factor = sh.factor[r][head];",
  ),
  fault(
    "rank-order",
    "a CTA's O is brought to the common anchor by another CTA's factor",
    "const float factor = sh.factor[r][head];",
    "const float factor = sh.factor[split - 1 - r][head];",
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
