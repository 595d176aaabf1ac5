/** Faults of attention on pairs of CTAs: which keys and channels are whose, and who tells whom. */
import type { Fault } from "../../harness/faults.ts";
import { kernel } from "./kernel.ts";

const ATTENTION = "kernels/common/umma_attention.cuh";
const FILL = "kernels/common/umma_attention_fill.cuh";
const [ROWS, PAGES] = ["sparse_attention", "paged_attention"].map((op) => `attention/${op}`);

/** By default the case that goes through both stages and comes back to the first. */
const pair = (
  id: string,
  where: string,
  what: string,
  file: string,
  find: string,
  replace: string,
  blame: Fault["blame"] = "FAIL",
  only = "pair.keys=129",
  blind?: string,
): Fault => {
  const f = kernel(`sm100-attention-pair-${id}`, where, what, find, replace, { file, blame, blind });
  return { ...f, run: [...f.run, "--case", only] };
};

/** Which keys, channels and heads are whose. */
const halves: Fault[] = [
  pair(
    "values-kept",
    PAGES,
    "a CTA keeps all channels of its keys as values of its own, the other gets none",
    FILL,
    "first / Tile::OWN_CHANNELS)",
    "a.side)",
    "ERROR",
  ),
  pair(
    "values-exchanged",
    ROWS,
    "each CTA gets the channels that the other multiplies",
    FILL,
    "first / Tile::OWN_CHANNELS)",
    "1 - first / Tile::OWN_CHANNELS)",
  ),
  pair(
    "values-of-the-first-half",
    ROWS,
    "the second CTA's values go where the first one's are",
    FILL,
    "own(a.side * Tile::OWN_KEYS)",
    "own(0)",
    "ERROR",
  ),
  pair(
    "values-of-one-instruction",
    PAGES,
    "channels from 256 on take the place of those below",
    FILL,
    "(c / O_STEP * Tile::OWN_CHANNELS + c % Tile::OWN_CHANNELS)",
    "(c % Tile::OWN_CHANNELS)",
    "ERROR",
  ),
  pair(
    "values-by-channel",
    ROWS,
    "values are looked for where one CTA would have them",
    ATTENTION,
    "c / (CTAS * ATOM) * ATOM_BYTES",
    "c / ATOM * ATOM_BYTES",
    "ERROR",
  ),
  pair(
    "keys-by-64",
    PAGES,
    "64 channels of the keys are as far apart as those of the query",
    ATTENTION,
    "at_k + a * Tile::KEY_ATOM_BYTES + b",
    "at_k + a * ATOM_BYTES + b",
  ),
  pair(
    "same-keys",
    PAGES,
    "both CTAs load the first half of a tile's keys",
    FILL,
    "own = a.side * Stage<CTAS>::OWN_KEYS, first",
    "own = 0, first",
  ),
  pair(
    "list-end",
    ROWS,
    "the slot behind the list is read: the next token's first key",
    ATTENTION,
    "return j < p.op.n_key ?",
    "return j <= p.op.n_key ?",
    "ERROR",
  ),
  pair(
    "same-heads",
    ROWS,
    "both CTAs take the first 64 heads",
    ATTENTION,
    "head0 = (blockIdx.y * CTAS + side) * HEADS",
    "head0 = blockIdx.y * CTAS * HEADS",
  ),
  pair(
    "heads-of-one-cta",
    PAGES,
    "blocks of 128 heads begin 64 heads apart",
    ATTENTION,
    "head0 = (blockIdx.y * CTAS + side) * HEADS",
    "head0 = (blockIdx.y + side) * HEADS",
    "FAIL",
    "pair.heads=256",
  ),
  pair(
    "rows-of-one",
    ROWS,
    "the instruction is told of 64 rows",
    ATTENTION,
    "umma::idesc_bf16(N, CTAS * HEADS)",
    "umma::idesc_bf16(N, HEADS)",
    "ERROR",
  ),
  pair(
    "lanes-of-256",
    PAGES,
    "the instruction is told of 128 rows of each CTA, which would have all of N in every lane",
    ATTENTION,
    "umma::idesc_bf16(N, CTAS * HEADS)",
    "umma::idesc_bf16(N, CTAS * 2 * HEADS)",
    "ERROR",
  ),
];

/** Who tells whom. */
const words: Fault[] = [
  pair(
    "leader-not-told",
    PAGES,
    "keys of the other CTA are announced at its own barrier, where nobody waits",
    FILL,
    "Cta::arrive(&a.sh.k_full[ring.stage]);",
    "ptx::mbarrier_arrive(&a.sh.k_full[ring.stage]);",
    "ERROR",
  ),
  pair(
    "keys-of-one-suffice",
    ROWS,
    "the scores begin when half of the keys are there",
    ATTENTION,
    "&sh.k_full[s], CTAS * Keys::ARRIVALS",
    "&sh.k_full[s], Keys::ARRIVALS",
    "ERROR",
  ),
  pair(
    "weights-of-one-suffice",
    PAGES,
    "O is added to when one CTA's weights are there",
    ATTENTION,
    "&sh.p_full[s], CTAS * N_SOFTMAX",
    "&sh.p_full[s], N_SOFTMAX",
    "ERROR",
  ),
  pair(
    "query-of-one-suffices",
    ROWS,
    "the query's barrier waits for the bytes of one CTA",
    ATTENTION,
    "&sh.q_full, CTAS * Plan::ROWS_BYTES",
    "&sh.q_full, Plan::ROWS_BYTES",
    "ERROR",
  ),
  pair(
    "unfenced",
    PAGES,
    "keys are not made visible to the tensor core",
    FILL,
    "{ ptx::fence_proxy_async_cluster(); }",
    "{}",
    "ERROR",
  ),
  pair(
    "fenced-at-home",
    PAGES,
    "only keys in this CTA's memory are made visible to the tensor core",
    FILL,
    "ptx::fence_proxy_async_cluster();",
    "ptx::fence_proxy_async();",
    "ERROR",
    "pair.keys=129",
    "a proxy fence of the virtual GPU is one of all the shared memory that its thread has written",
  ),
  pair(
    "keys-overwritten",
    ROWS,
    "keys are written into a stage of which the tensor core still reads, here or in the other CTA",
    FILL,
    "Cta::wait(&a.sh.done[ring.stage], ring.parity ^ 1);",
    "",
    "ERROR",
  ),
  pair(
    "scores-told-to-one",
    PAGES,
    "only the leader hears that scores are there",
    ATTENTION,
    "Cta::commit(&sh.s_full[ring.stage]);",
    "ptx::tcgen05_commit_pair(&sh.s_full[ring.stage], 0b01);",
    "ERROR",
  ),
  pair(
    "done-told-to-one",
    ROWS,
    "only the leader hears that a tile is added to O",
    ATTENTION,
    "Cta::commit(&sh.done[ring.stage]);",
    "ptx::tcgen05_commit_pair(&sh.done[ring.stage], 0b01);",
    "ERROR",
  ),
  pair(
    "both-issue",
    PAGES,
    "both CTAs issue the pair's scores",
    ATTENTION,
    "if (leads && ptx::elect_one()) score();",
    "if (ptx::elect_one()) score();",
    "ERROR",
  ),
  pair(
    "values-over-keys",
    ROWS,
    "values begin where keys do, as in one CTA",
    ATTENTION,
    "keys(stage) + Tile::VALUES;",
    "keys(stage);",
    "ERROR",
  ),
];

export const faults: readonly Fault[] = [...halves, ...words];
