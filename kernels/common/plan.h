// How work on tcgen05 is cut: decided on the host for the launch, and again in the kernel from the same sizes.
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

// Attention of tokens to the keys of a list, heads of 512 channels. A CTA takes 64 heads of a token: their output fills half of tensor
// memory.
struct Attention {
  static constexpr int32_t HEADS = 64, KEYS = 64;  // of a tile
  static constexpr int32_t CHANNELS = 512;
  static constexpr int32_t ROWS_BYTES = 64 * CHANNELS * 2;  // of q, and of a tile's keys
  static constexpr int32_t P_BYTES = HEADS * KEYS * 2;
  static constexpr int32_t STAGES = 2, STAGE_BYTES = ROWS_BYTES + P_BYTES;
  static constexpr int32_t SMEM_BYTES = 1024 + ROWS_BYTES + STAGES * STAGE_BYTES;  // 1024: the way to a boundary of the swizzle

  int32_t blocks, n_tile;

  PLAN_FN Attention(int32_t n_tok, int32_t n_head, int32_t n_key)
      : blocks(n_tok * div_up(n_head, HEADS)), n_tile(n_key > KEYS ? div_up(n_key, KEYS) : 1) {}

  // CTAs that share a key list: a cluster, while there are multiprocessors left over and at least a tile for each.
  PLAN_FN int32_t split(int32_t n_sm) const {
    int32_t s = 1;
    while (s < MAX_SPLIT && 2 * s * blocks <= n_sm && 2 * s <= n_tile) s *= 2;
    return s;
  }
};

}  // namespace plan
