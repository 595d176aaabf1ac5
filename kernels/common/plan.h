// How a product on tcgen05 is cut: decided on the host for the launch, and again in the kernel from the same sizes.
#pragma once
#include <cstdint>

#ifdef __CUDACC__
#define PLAN_FN __host__ __device__ constexpr
#else
#define PLAN_FN constexpr
#endif

namespace plan {

// Weights fill the 128 rows of the instruction, tokens are its N ("swap-AB"), so that one token wastes no rows.
constexpr int32_t W_ROWS = 128;
constexpr int32_t ROW_BYTES = 128;  // of K in a stage: one swizzle atom
constexpr int32_t MAX_STAGES = 12, MAX_SPLIT = 8;
constexpr int32_t SMEM = 227 << 10, SMEM_RESERVED = 2048;  // barriers, and the way to the next 1024-byte boundary
constexpr int32_t SCALE_ATOM = 512;                        // 128 rows x 4 scales

PLAN_FN int32_t div_up(int32_t a, int32_t b) { return (a + b - 1) / b; }

// Tokens of a tile: the smallest width that takes all M, at most `most`.
PLAN_FN int32_t tile_tokens(int32_t M, int32_t most) {
  int32_t t = 16;
  while (t < M && t < most) t *= 2;
  return t;
}

PLAN_FN int32_t stage_bytes(int32_t tokens, int32_t scale_atoms) {
  return W_ROWS * ROW_BYTES + tokens * ROW_BYTES + scale_atoms * SCALE_ATOM;
}

// A linear y[M, N] = x[M, K] w[N, K]T; `k_stage` elements of K a stage, `scale_atoms` of both operands a stage.
struct Linear {
  int32_t M, N, tokens, n_m, n_tile, k_stages, stage;

  PLAN_FN Linear(int32_t M, int32_t N, int32_t K, int32_t k_stage, int32_t scale_atoms, int32_t most_tokens)
      : M(M), N(N), tokens(tile_tokens(M, most_tokens)), n_m(div_up(M, tokens)), n_tile(n_m * div_up(N, W_ROWS)),
        k_stages(div_up(K, k_stage)), stage(stage_bytes(tokens, scale_atoms)) {}

  // CTAs that share a tile's K: a cluster, while there are multiprocessors left over and at least four stages for each.
  PLAN_FN int32_t split(int32_t n_sm) const {
    int32_t s = 1;
    while (s < MAX_SPLIT && 2 * s * n_tile <= n_sm && k_stages >= 8 * s) s *= 2;
    return s;
  }
  PLAN_FN int32_t grid(int32_t n_sm) const {
    const int32_t s = split(n_sm), clusters = n_sm / s;
    return s * (n_tile < clusters ? n_tile : clusters);
  }
  // f32 sums of a tile that wait for the other CTAs of the cluster
  PLAN_FN int32_t partial_bytes(int32_t split) const { return split > 1 ? tokens * W_ROWS * 4 : 0; }
  PLAN_FN int32_t stages(int32_t split) const {
    const int32_t fit = (SMEM - SMEM_RESERVED - partial_bytes(split)) / stage;
    return fit < MAX_STAGES ? fit : MAX_STAGES;
  }
  PLAN_FN int32_t smem(int32_t n_sm) const {
    const int32_t s = split(n_sm);
    return SMEM_RESERVED + stages(s) * stage + partial_bytes(s);
  }
};

// index_scores: a tile is 128 entries x the heads of a few tokens. Tiles are numbered entries first, so that a CTA, which takes them in
// a row, keeps a group of tokens while entries stream by.
struct Scores {
  static constexpr int32_t ENTRIES = 128, ROW_BYTES = 64, WORD_BYTES = 4;  // a row's codes, and its four scales as one word
  // Two accumulators and the scales of both operands share 512 columns of tensor memory, and N is a multiple of 16.
  static constexpr int32_t MOST_COLUMNS = 240;
  static constexpr int32_t STAGES = 8, GROUPS = 2;
  static constexpr int32_t RUN = 8;  // a run of scales or weights is copied from a multiple of 16 bytes on: so many weights
  // codes, scales as they come, scales as tcgen05.cp takes them
  static constexpr int32_t STAGE = ENTRIES * (ROW_BYTES + WORD_BYTES) + SCALE_ATOM;
  // the same for up to 256 rows, and their weights as they come (bf16) and as they are used (f32)
  static constexpr int32_t GROUP = MOST_COLUMNS * ROW_BYTES + 256 * (WORD_BYTES + 2 + 4) + 2 * SCALE_ATOM;
  static constexpr int32_t SMEM = SMEM_RESERVED + STAGES * STAGE + GROUPS * GROUP;
  static_assert(SMEM <= plan::SMEM, "fits a multiprocessor");

  int32_t tokens, columns, n_group, n_entry_tile, n_tile;

  // Groups of equal size: four tokens of 64 heads make two of two, not three and one.
  PLAN_FN Scores(int32_t n_tok, int32_t n_head, int32_t n_entry)
      : tokens(div_up(n_tok, div_up(n_tok, MOST_COLUMNS / n_head))), columns(div_up(tokens * n_head, 16) * 16),
        n_group(div_up(n_tok, tokens)), n_entry_tile(div_up(n_entry, ENTRIES)), n_tile(n_group * n_entry_tile) {}

  // scales and weights that one copy takes: those before the first one up to the 16 bytes as well
  PLAN_FN int32_t beside() const { return columns + RUN; }
  PLAN_FN int32_t grid(int32_t n_sm) const { return n_tile < n_sm ? n_tile : n_sm; }
};

}  // namespace plan
