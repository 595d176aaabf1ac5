/** Faults of attention's fusions: what a chain of launches would have done between its parts, and what differs with nobody watching. */
import type { Fault } from "../../harness/faults.ts";
import { kernel } from "./kernel.ts";

const LATENTS = "kernels/fused/latents.cuh";
const OUT = "kernels/common/attention_out.cuh";

const keys: Fault[] = [
  kernel(
    "topk-keys-without-taps",
    "fused/topk_keys",
    "entries are listed only where the choice is watched",
    "if (chosen) chosen[j] = n;",
    "if (!chosen) return; chosen[j] = n;",
    { output: "topk" },
  ),
  kernel(
    "topk-keys-raw-rows-forgotten",
    "fused/topk_keys",
    "entries are listed as if the pool had no raw rows",
    "entry_row(n, n_raw)",
    "entry_row(n, n_raw - n_raw)",
    { output: "keys" },
  ),
  kernel(
    "topk-keys-newest-hidden",
    "fused/topk_keys",
    "an entry becomes visible one token late",
    "(pos + 1) / p.ratio",
    "pos / p.ratio",
    { output: "topk" },
  ),
  kernel(
    "topk-keys-window-of-the-prompt",
    "fused/topk_keys",
    "the window's rows are counted from token 0, wherever the pool begins",
    "window_row(pos, p.window, j, p.raw0)",
    "window_row(pos, p.window, j, 0)",
    { output: "keys" },
  ),
];

const latents: Fault[] = [
  kernel(
    "q-kv-unturned-without-taps",
    "fused/q_kv_norm",
    "keys are turned only where the normed row is watched",
    "if (normed) store16(normed + c, y);",
    "if (!normed) return y; store16(normed + c, y);",
    { file: LATENTS, output: "kv_norm" },
  ),
  kernel(
    "q-kv-first-position",
    "fused/q_kv_norm",
    "every key is turned by the first token's position",
    "p.n_freq, p.pos[i], p.eps",
    "p.n_freq, p.pos[0], p.eps",
    { file: LATENTS, output: "kv_rope" },
  ),
  kernel(
    "q-kv-turned-channels-quantised",
    "fused/q_kv_norm",
    "turned channels take the e4m3 round trip too",
    "round_trip8(x, c < packed::NOPE, packed::LANES)",
    "round_trip8(x, c < packed::CHANNELS, packed::LANES)",
    { file: LATENTS, output: "kv" },
  ),
  kernel(
    "q-kv-insert-with-taps-only",
    "fused/q_kv_norm",
    "keys go into the cache only where their rows are watched",
    "if (slot >= 0) packed::insert8",
    "if (slot >= 0 && y) packed::insert8",
    { file: LATENTS, output: "kv_insert" },
  ),
  kernel(
    "q-kv-hca-entries-in-one-slot",
    "fused/q_kv_hca",
    "every entry goes to the slot of the call's first",
    "p.main_slot[i], way.of",
    "p.main_slot[0], way.of",
    { file: LATENTS, output: "main_insert" },
  ),
  kernel(
    "q-kv-latent-of-the-other-row",
    "fused/q_kv_norm",
    "every token's codes are those of the first latent",
    "row{p.q_a + i * p.q_lora,",
    "row{p.q_a + 0 * p.q_lora,",
    { file: LATENTS, output: "q_norm" },
  ),
  kernel(
    "q-kv-hca-pooled-unawaited",
    "fused/q_kv_hca",
    "an entry is normed before all of it is pooled",
    "sh.pooled + c);\n  __syncthreads();",
    "sh.pooled + c);\n  __syncwarp();",
    { file: LATENTS, output: "qr", blame: "ERROR" },
  ),
  kernel(
    "q-kv-hca-entry-position-by-index",
    "fused/q_kv_hca",
    "entry n is turned by angle n, not by its first token's",
    "p.entry_pos[i], p.eps, row_of(p.main_normed",
    "p.entry_pos[i] / p.ratio, p.eps, row_of(p.main_normed",
    { file: LATENTS, output: "main_rope" },
  ),
  kernel(
    "q-kv-hca-first-entry-again",
    "fused/q_kv_hca",
    "every entry of a call is its first",
    "pooling::channels<4>(rows, i, c, sh.pooled + c);",
    "pooling::channels<4>(rows, 0, c, sh.pooled + c);",
    { file: LATENTS, output: "main_pool" },
  ),
  kernel(
    "q-kv-csa-range-of-tokens",
    "fused/q_kv_csa",
    "the indexer's entries are counted from the main entries' end",
    "  if (i < p.n_entry) return latents::index_entry(p, i, sh);\n  i -= p.n_entry;",
    "  if (i < p.n_entry) return latents::index_entry(p, p.n_entry - 1, sh);\n  i -= p.n_entry;",
    { output: "index_pool" },
  ),
  kernel(
    "q-kv-csa-scale-before-transform",
    "fused/q_kv_csa",
    "the scale of an indexer's block is that of the row before its transform",
    "warp_max(abs_max_bits(v), mxfp4::BLOCK / 8)",
    "warp_max(abs_max_bits(x), mxfp4::BLOCK / 8)",
    { file: "kernels/common/mxfp4_row.cuh", output: "index.s" },
  ),
  kernel(
    "q-kv-csa-index-of-two-warps",
    "fused/q_kv_csa",
    "a second warp, which has no row, writes the indexer's scales as well",
    ".store(v, c, D, c < D);",
    ".store(v, c % D, D, true);",
    { file: LATENTS, output: "index_had" },
  ),
];

const heads: Fault[] = [
  kernel(
    "query-heads-unturned-without-taps",
    "fused/query_heads",
    "the indexer's heads are turned only where that is watched",
    "if (c >= n_plain) v = rotate8",
    "if (c >= n_plain && p.index_turned) v = rotate8",
    { output: "index_rope" },
  ),
  kernel(
    "query-heads-scales-of-one-token",
    "fused/query_heads",
    "every token's scales go to the first token's heads",
    "p.index_s + row * (D",
    "p.index_s + head * (D",
    { output: "index.s" },
  ),
  kernel(
    "query-heads-range",
    "fused/query_heads",
    "the indexer's heads are counted from attention's first",
    "(block - n_attention) * HEADS",
    "block * HEADS",
    { output: "index.q" },
  ),
  kernel(
    "query-heads-sines-unawaited",
    "fused/query_heads",
    "sines are read before all threads have written them",
    "__syncthreads();",
    "__syncwarp();",
    { output: "q", blame: "ERROR" },
  ),
];

const output: Fault[] = [
  kernel(
    "derope-forward",
    "fused/attention_derope",
    "the output is turned forward",
    "{cs.x, -cs.y}",
    "{cs.x, cs.y}",
    { zoo: ["Z096"], file: OUT, output: "derope" },
  ),
  kernel(
    "derope-first-position",
    "fused/attention_derope",
    "every token is turned back by the first one's position",
    "turn_of(pos[tok], freq[i])",
    "turn_of(pos[0], freq[i])",
    { file: OUT, output: "derope" },
  ),
  kernel(
    "derope-without-taps",
    "fused/attention_derope",
    "the output is turned back only where it is watched",
    "if (o && inside) put",
    "if (!o) return v; if (inside) put",
    { file: OUT, output: "core" },
  ),
  kernel(
    "derope-whole-vectors",
    "fused/attention_derope",
    "pairs of a vector that begins before the rotation are left",
    "if (pair + k >= 0 && pair",
    "if (pair >= 0 && pair",
    { file: OUT, output: "derope" },
  ),
  kernel(
    "sm100-derope-tap-of-other-heads",
    "fused/attention_derope",
    "rows of a tile beyond the last head are tapped as the next token's",
    "const bool inside = a.head0 + int32_t(head) < a.p.op.n_head;",
    "const bool inside = head < HEADS;",
    { file: "kernels/common/umma_attention_out.cuh", output: "o", blame: "ERROR" },
  ),
  kernel(
    "sm100-derope-of-the-first-unit",
    "fused/attention_derope",
    "eight channels are turned by the pairs of the thread's first eight",
    "pass<true>(row, channel + 8 * u,",
    "pass<true>(row, channel,",
    { file: "kernels/common/umma_attention_out.cuh", output: "derope" },
  ),
];

export const faults: readonly Fault[] = [...keys, ...latents, ...heads, ...output];
