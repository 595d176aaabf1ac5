// How work other than the linears of tcgen05 is cut: decided on the host for the launch, and again in the kernel from the same sizes.
#pragma once
#include "kernels/common/plan_linear.h"

namespace plan {

constexpr int32_t O_A_SMEM = 52 << 10;  // o_a_quant.cu: a tile of its linear, and 64 x 128 results

// A router's product and, in the same launch, the choice of experts out of its sums: by the cluster that has summed last, a warp a token,
// which keeps two words an expert where the stages of the product were.
struct Router {
  static constexpr int32_t CHOICE_WARPS = 8, CHOICE_WORDS = 2;
  static constexpr int32_t MOST_EXPERTS = 3072, CHOICE = CHOICE_WARPS * CHOICE_WORDS * 4 * MOST_EXPERTS;
  static constexpr int32_t STATIC = 512;  // what the choice keeps beside

  // One tile of tokens, so that no product takes pairs of CTAs.
  static PLAN_FN bool takes(int32_t n_tok, int32_t n_expert, int32_t K) {
    return n_tok > 0 && n_tok <= MAX_TOKENS && n_expert > 0 && n_expert <= MOST_EXPERTS && K > 0 && K % 8 == 0;
  }
  static PLAN_FN bool fits(int32_t split) {
    for (int32_t tokens = 16; tokens <= MAX_TOKENS; tokens *= 2) {
      const Linear l = dense(tokens, MOST_EXPERTS, BF16.k, BF16, 1, tokens);
      if (l.stages(split) * l.stage + l.kept_bytes(split) < CHOICE || l.smem_of(split) + STATIC > SMEM) return false;
    }
    return true;
  }
};
static_assert(Router::fits(1) && Router::fits(MAX_SPLIT), "the choice lies before the barriers, and its statics fit beside all of it");

// mix[n_tok, up to 32] = x[n_tok, K] fn[., K]T in tf32: a cluster shares K, two stages of 128 channels as f32.
struct Mix {
  static constexpr int32_t K_STAGE = 128, N_STAGE = 2, MOST_TOKENS = 64, FN_ROWS = 64;
  int32_t tokens, n_tile, k_stages;

  PLAN_FN Mix(int32_t n_tok, int32_t K)
      : tokens(tile_tokens(n_tok, MOST_TOKENS)), n_tile(div_up(n_tok, tokens)), k_stages(div_up(K, K_STAGE)) {}
  PLAN_FN int32_t split() const {
    int32_t s = 1;
    while (s < MAX_SPLIT && k_stages >= 4 * s) s *= 2;
    return s;
  }
  PLAN_FN int32_t smem() const { return SMEM_RESERVED + N_STAGE * (FN_ROWS + tokens) * K_STAGE * 4; }
};

// What index_scores keeps of an entry or a head of 128 channels: codes, and what lies beside them.
struct Mxfp4Rows {
  static constexpr int32_t ROW_BYTES = 64, WORD_BYTES = 4, HEAD_BYTES = 4;  // codes, and the four scales of either as one word
  // Two accumulators and the scales of both operands share 512 columns of tensor memory, and N is a multiple of 16.
  static constexpr int32_t MOST_COLUMNS = 240;
  static constexpr int32_t RUN = 8;  // a run of scales or weights is copied from a multiple of 16 bytes on: so many weights
  // of 128 entries: codes, scales as they come, scales as tcgen05.cp takes them
  static constexpr int32_t STAGE = 128 * (ROW_BYTES + WORD_BYTES) + SCALE_ATOM;
  // the same for up to 256 rows, and their weights as they come (bf16) and as they are used (f32)
  static constexpr int32_t GROUP = MOST_COLUMNS * ROW_BYTES + 256 * (HEAD_BYTES + 2 + 4) + 2 * SCALE_ATOM;
  static constexpr int32_t STAGES = 8, KEYS_STAGES = 8;  // of index_scores, and of score_keys, which keeps scores beside them
};
struct Fp8Rows {
  static constexpr int32_t ROW_BYTES = 128, WORD_BYTES = 4, HEAD_BYTES = 1;  // codes, an entry's scale in f32, a head's
  static constexpr int32_t RUN = 16;                                         // so many scales of heads are 16 bytes
  static constexpr int32_t MOST_COLUMNS = 256 - RUN;                         // what lies beside them is one copy, of at most 256
  // Swizzled rows begin at multiples of 1024 bytes: 512 behind a stage's scales are nobody's, 256 behind a group's weights.
  static constexpr int32_t STAGE = 128 * (ROW_BYTES + WORD_BYTES) + 512;
  static constexpr int32_t GROUP = MOST_COLUMNS * ROW_BYTES + 256 * (HEAD_BYTES + 2 + 4) + 256;
  // 48 KB of entries on the way are what memory needs to be busy, and more have no room beside the scores of 2^18 entries.
  static constexpr int32_t STAGES = 8, KEYS_STAGES = 3;
};

// index_scores: a tile is 128 entries x the heads of a few tokens. Tiles are numbered entries first, so that a CTA, which takes them in
// a row, keeps a group of tokens while entries stream by.
template <class Rows>
struct ScoresOf : Rows {
  static constexpr int32_t ENTRIES = 128, MOST_COLUMNS = Rows::MOST_COLUMNS;
  static constexpr int32_t STAGES = Rows::STAGES, GROUPS = 2;
  static constexpr int32_t SMEM = SMEM_RESERVED + STAGES * Rows::STAGE + GROUPS * Rows::GROUP;
  static_assert(SMEM <= plan::SMEM, "fits a multiprocessor");

  int32_t tokens, columns, n_group, n_entry_tile, n_tile;

  // Groups of equal size: four tokens of 64 heads make two of two, not three and one.
  PLAN_FN ScoresOf(int32_t n_tok, int32_t n_head, int32_t n_entry) : ScoresOf(n_tok, n_head, n_entry, MOST_COLUMNS / n_head) {}
  PLAN_FN ScoresOf(int32_t n_tok, int32_t n_head, int32_t n_entry, int32_t most_tokens)
      : tokens(div_up(n_tok, div_up(n_tok, most_tokens))), columns(div_up(tokens * n_head, 16) * 16),
        n_group(div_up(n_tok, tokens)), n_entry_tile(div_up(n_entry, ENTRIES)), n_tile(n_group * n_entry_tile) {}

  // scales and weights that one copy takes: those before the first one up to the 16 bytes as well
  PLAN_FN int32_t beside() const { return columns + Rows::RUN; }
  PLAN_FN int32_t grid(int32_t n_sm) const { return n_tile < n_sm ? n_tile : n_sm; }
};
using Scores = ScoresOf<Mxfp4Rows>;
using ScoresFp8 = ScoresOf<Fp8Rows>;

// A cluster that chooses among the entries of a token has their scores in its shared memory, each CTA those of a range of whole tiles, as
// keys of the selection (topk_cluster.cuh), and beside them how often each digit occurs.
struct Selection {
  static constexpr int32_t TILE = 128, MOST_ENTRIES = 1 << 18;  // of a text of 2^20 tokens
  static constexpr int32_t COUNT_BYTES = 4 * 256 * 4;           // four digits of a byte
  static constexpr int32_t MOST_TOKENS = 4;                     // of a cluster
  static constexpr int32_t STATIC = 2048;                       // what a CTA keeps beside keys and counts
  // CTAs that the entries suffice for; entries of a CTA, at most; bytes of a token there.
  static PLAN_FN int32_t most(int32_t n_entry) { return n_entry > TILE ? smaller(div_up(n_entry, TILE), MAX_SPLIT) : 1; }
  static PLAN_FN int32_t entries(int32_t n_entry, int32_t cluster) { return TILE * div_up(div_up(n_entry, TILE), cluster); }
  static PLAN_FN int32_t row_bytes(int32_t n_entry, int32_t cluster) { return entries(n_entry, cluster) * 4 + COUNT_BYTES; }
};

// index_scores whose tokens a cluster then chooses for. A token has a cluster for itself while multiprocessors are left over: reading the
// entries again for the next one costs less than the instructions of another's heads. Every CTA more counts and lists for all its tokens.
template <class Rows>
struct ScoreKeysOf : ScoresOf<Rows> {
  static constexpr int32_t AT_ONCE = 128;                           // CTAs that run at once in any clusters
  static constexpr int32_t STAGES = Rows::KEYS_STAGES, GROUPS = 1;  // a cluster has one group
  static constexpr int32_t PIPELINE = SMEM_RESERVED + STAGES * Rows::STAGE + GROUPS * Rows::GROUP;
  static constexpr int32_t ROOM = plan::SMEM - PIPELINE - Selection::STATIC;
  static_assert(Selection::MOST_ENTRIES / MAX_SPLIT * 4 + Selection::COUNT_BYTES <= ROOM, "a token always fits");
  int32_t n_entry;
  PLAN_FN ScoreKeysOf(int32_t n_tok, int32_t n_head, int32_t n_entry)
      : ScoresOf<Rows>(n_tok, n_head, n_entry, most_tokens(n_tok, n_head, n_entry)), n_entry(n_entry) {}
  static PLAN_FN int32_t most_tokens(int32_t n_tok, int32_t n_head, int32_t n_entry) {
    const int32_t cluster = Selection::most(n_entry), fit = ROOM / Selection::row_bytes(n_entry, cluster);
    return smaller(smaller(smaller(fit, Rows::MOST_COLUMNS / n_head), Selection::MOST_TOKENS), div_up(n_tok, AT_ONCE / cluster));
  }
  // As many CTAs as there are multiprocessors for, and no fewer than the keys need.
  PLAN_FN int32_t cluster(int32_t n_sm) const {
    int32_t c = Selection::most(n_entry);
    while (c > 1 && c * this->n_group > n_sm && this->tokens * Selection::row_bytes(n_entry, c - 1) <= ROOM) --c;
    return c;
  }
  PLAN_FN int32_t grid(int32_t n_sm) const { return this->n_group * cluster(n_sm); }
  PLAN_FN int32_t smem(int32_t n_sm) const { return PIPELINE + this->tokens * Selection::row_bytes(n_entry, cluster(n_sm)); }
};
using ScoreKeys = ScoreKeysOf<Mxfp4Rows>;
using ScoreKeysFp8 = ScoreKeysOf<Fp8Rows>;

// Attention of tokens to the keys of a list, heads of 512 channels. A CTA takes 64 heads of a token: their output fills half of tensor
// memory. A pair of CTAs takes 128, and each key once for all of them.
struct Attention {
  static constexpr int32_t HEADS = 64, KEYS = 64;  // of a tile
  static constexpr int32_t CHANNELS = 512;
  static constexpr int32_t ROWS_BYTES = 64 * CHANNELS * 2;  // of q, and of a tile's keys
  static constexpr int32_t P_BYTES = HEADS * KEYS * 2;
  static constexpr int32_t STAGES = 2, STAGE_BYTES = ROWS_BYTES + P_BYTES;
  static constexpr int32_t SMEM_BYTES = 1024 + ROWS_BYTES + STAGES * STAGE_BYTES;  // 1024: the way to a boundary of the swizzle

  int32_t head_blocks, blocks, n_tile;

  PLAN_FN Attention(int32_t n_tok, int32_t n_head, int32_t n_key)
      : head_blocks(div_up(n_head, HEADS)), blocks(n_tok * head_blocks), n_tile(n_key > KEYS ? div_up(n_key, KEYS) : 1) {}

  // CTAs that share a key list: a cluster, while there are multiprocessors left over and at least a tile for each.
  PLAN_FN int32_t split(int32_t n_sm) const {
    int32_t s = 1;
    while (s < MAX_SPLIT && 2 * s * blocks <= n_sm && 2 * s <= n_tile) s *= 2;
    return s;
  }
  // That take heads of one token together: pairs, but where CTAs share the list, which leaves each no more keys to load than a pair would,
  // and where a CTA would be left without heads.
  PLAN_FN int32_t ctas(int32_t n_sm) const { return split(n_sm) == 1 && head_blocks % PAIR == 0 ? PAIR : 1; }
  PLAN_FN int32_t cluster(int32_t n_sm) const { return ctas(n_sm) * split(n_sm); }
  PLAN_FN int32_t rows(int32_t n_sm) const { return head_blocks / ctas(n_sm); }  // of the grid
};

// Four streams of a tile of tokens, in the shared memory of a cluster: a CTA holds whole blocks of 128 channels as f32. How wide a tile is
// changes no token's bits.
struct Streams {
  static constexpr int32_t HC = 4, BLOCK = 128, WARPS = 8, THREADS = 32 * (WARPS + 1);
  static constexpr int32_t FEW = 16, MOST_TOKENS = 4;  // up to FEW tokens have a cluster each; more share one, which reads fn once
  static constexpr int32_t MOST_BLOCKS = 26;           // of a CTA
  static constexpr int32_t MOST_BYTES = MOST_TOKENS * HC * MOST_BLOCKS * BLOCK * 4;
  static_assert(MOST_BYTES + (8 << 10) <= SMEM, "fits a multiprocessor, with the sums beside it");

  int32_t tokens, slice, cluster, n_tile;

  PLAN_FN Streams(int32_t n_tok, int32_t d_model)
      : tokens(n_tok <= FEW ? 1 : MOST_TOKENS), slice(BLOCK * div_up(div_up(d_model, BLOCK), MAX_SPLIT)), cluster(div_up(d_model, slice)),
        n_tile(div_up(n_tok, tokens)) {}

  PLAN_FN int32_t smem() const { return tokens * HC * slice * 4; }
  static PLAN_FN bool takes(int32_t hc, int32_t d_model) {
    return hc == HC && d_model % 8 == 0 && d_model <= MAX_SPLIT * MOST_BLOCKS * BLOCK;
  }
};

}  // namespace plan
