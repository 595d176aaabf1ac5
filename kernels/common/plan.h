// How work on tcgen05 is cut: decided on the host for the launch, and again in the kernel from the same sizes.
#pragma once
#include <cstdint>

#ifdef __CUDACC__
#define PLAN_FN __host__ __device__ constexpr
#else
#define PLAN_FN constexpr
#endif

namespace plan {

PLAN_FN int32_t div_up(int32_t a, int32_t b) { return (a + b - 1) / b; }
PLAN_FN int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }

// Weights fill the 128 rows of the instruction, tokens are its N ("swap-AB"), so that one token wastes no rows. For many tokens an
// instruction takes a pair of CTAs: 128 rows of weights and half of the tokens of each, so that a byte of x serves twice the rows.
constexpr int32_t W_ROWS = 128, PAIR = 2;
constexpr int32_t MAX_TOKENS = 128, MAX_PAIR_TOKENS = 256;
constexpr int32_t TMEM_COLUMNS = 512, SCALE_COLUMNS = 4;  // SCALE_COLUMNS of an atom of scales
constexpr int32_t ROW_BYTES = 128;  // of K in a stage: one swizzle atom
constexpr int32_t MAX_STAGES = 12, MAX_SPLIT = 8;
constexpr int32_t SMEM = 227 << 10, SMEM_RESERVED = 2048;  // barriers, and the way to the next 1024-byte boundary
constexpr int32_t SCALE_ATOM = 512;                        // 128 rows x 4 scales

// What a stage holds.
struct Format {
  int32_t k, k_map;          // of K: elements, and elements of the tensor maps
  int32_t w_bits;            // of an element of w in global memory
  int32_t w_atoms, x_atoms;  // of scales
  bool widened;              // w is copied narrower than the instruction takes it, and the operand made of it

  PLAN_FN int32_t w_copied() const { return W_ROWS * k * w_bits / 8; }
  // Each CTA of a pair has the scales of its own rows of w and of all tokens, 128 an atom.
  PLAN_FN int32_t atoms(int32_t ctas) const { return w_atoms + ctas * x_atoms; }
  // Swizzled tiles begin at multiples of 1024 bytes, so scales end at one.
  PLAN_FN int32_t bytes(int32_t x_rows, int32_t ctas) const {
    return (W_ROWS + x_rows) * ROW_BYTES + div_up(atoms(ctas) * SCALE_ATOM, 1024) * 1024 + (widened ? w_copied() : 0);
  }
  // Of a pair: two accumulators lie beside the scales, so that a tile is stored while the next one is summed. 256 columns would leave
  // scales no room but with a single accumulator, and the tensor core idle while 256 columns are stored.
  PLAN_FN int32_t pair_tokens() const {
    return smaller((TMEM_COLUMNS - SCALE_COLUMNS * atoms(PAIR)) / 2 / 32 * 32, MAX_PAIR_TOKENS);
  }
};
constexpr Format BF16{64, 64, 16, 0, 0, false};
constexpr Format FP8{128, 128, 8, 1, 1, false};
constexpr Format MXFP4{128, 128, 4, 1, 1, false};  // e2m1 by e4m3: a code of w takes a byte in shared memory
constexpr Format NVFP4{256, 128, 4, 4, 4, false};  // maps of bytes
constexpr Format FP8W{64, 64, 8, 0, 0, true};      // e4m3 by bf16

// Tokens of a tile: the smallest width that takes all M, at most `most`.
PLAN_FN int32_t tile_tokens(int32_t M, int32_t most = MAX_TOKENS) {
  int32_t t = 16;
  while (t < M && t < most) t *= 2;
  return t;
}

struct Linear {
  int32_t N;       // rows of a matrix of w
  int32_t ctas;    // that an instruction takes: one, or a pair
  int32_t tokens;  // of a tile
  int32_t n_tile;  // at most
  int32_t k_stages, stage;
  int32_t table;  // bytes of the tiles' table

  PLAN_FN int32_t w_rows() const { return ctas * W_ROWS; }  // of a tile
  PLAN_FN int32_t x_rows() const { return tokens / ctas; }  // of a stage
  // N of the instruction for so many tokens: sixteens of each CTA
  PLAN_FN int32_t width(int32_t rows) const { return div_up(rows, 16 * ctas) * 16 * ctas; }

  // CTAs that share a tile's K: a cluster, while there are multiprocessors left over and at least four stages for each. Pairs do not.
  PLAN_FN int32_t split(int32_t n_sm) const {
    int32_t s = 1;
    while (ctas == 1 && s < MAX_SPLIT && 2 * s * n_tile <= n_sm && k_stages >= 8 * s) s *= 2;
    return s;
  }
  PLAN_FN int32_t cluster(int32_t n_sm) const { return ctas * split(n_sm); }
  PLAN_FN int32_t grid(int32_t n_sm) const {
    const int32_t c = cluster(n_sm);
    return c * smaller(n_tile, n_sm / c);
  }
  // f32 sums of a tile that wait for the other CTAs of the cluster
  PLAN_FN int32_t partial_bytes(int32_t split) const { return split > 1 ? tokens * W_ROWS * 4 : 0; }
  PLAN_FN int32_t stages(int32_t split) const {
    return smaller((SMEM - SMEM_RESERVED - table - partial_bytes(split)) / stage, MAX_STAGES);
  }
  PLAN_FN int32_t smem(int32_t n_sm) const {
    const int32_t s = split(n_sm);
    return SMEM_RESERVED + table + stages(s) * stage + partial_bytes(s);
  }
  // What copies into shared memory cost, which take longer than the products of a stage where L2 gives a multiprocessor 64 bytes a clock
  // and the tensor core takes a stage of T tokens in about T: the stage's rows, as often as CTAs take tiles.
  PLAN_FN int32_t rows_in_turn(int32_t n_sm) const { return div_up(n_tile, n_sm / ctas) * (W_ROWS + x_rows()); }
  // Whether pairs may do better, for so many tokens: two CTAs' rows to share them, more tokens than a CTA takes at once, and no
  // multiprocessors left over that would share K. K too short to be shared leaves them idle anyway.
  PLAN_FN bool may_pair(int32_t tokens_together, int32_t n_sm) const {
    return N > W_ROWS && tokens_together > MAX_TOKENS && split(n_sm) == 1;
  }
};

// y[M, n_group, N] = x[M, n_group, K] w[n_group, N, K]T; a plain linear has one group.
PLAN_FN Linear groups(int32_t M, int32_t n_group, int32_t N, int32_t K, Format f, int32_t ctas, int32_t t) {
  return {N, ctas, t, n_group * div_up(M, t) * div_up(N, ctas * W_ROWS), div_up(K, f.k), f.bytes(t / ctas, ctas), 0};
}
PLAN_FN Linear dense(int32_t M, int32_t N, int32_t K, Format f, int32_t ctas, int32_t t) { return groups(M, 1, N, K, f, ctas, t); }

// Rows of each expert times its weights. How many tiles there are is known on the device only; n_owner experts with rows have at most
// (n_row + n_owner (t - 1)) / t of them.
PLAN_FN Linear experts(int32_t n_row, int32_t n_expert, int32_t N, int32_t K, Format f, int32_t ctas, int32_t t) {
  const int32_t n_owner = smaller(n_row, n_expert);
  const int32_t n_m = int32_t((n_row + int64_t(n_owner) * (t - 1)) / t);
  return {N, ctas, t, n_m * div_up(N, ctas * W_ROWS), div_up(K, f.k), f.bytes(t / ctas, ctas), div_up(4 * (n_expert + 1), 16) * 16};
}

// The form that a device of n_sm multiprocessors runs. Its kernel is an entry of its own, since all tcgen05 instructions of a kernel name
// one cta_group; the host tells it the tokens of a tile. A pair's are M in equal parts, thirty-twos as its N takes them: as many parts as
// cost least, but no more of them, which read the weights each, than one CTA would make of M.
PLAN_FN Linear groups_on(int32_t n_sm, int32_t M, int32_t n_group, int32_t N, int32_t K, Format f) {
  Linear best = groups(M, n_group, N, K, f, 1, tile_tokens(M));
  if (!best.may_pair(M, n_sm)) return best;
  for (int32_t n = div_up(M, f.pair_tokens()); n <= div_up(M, MAX_TOKENS); ++n) {
    const Linear pair = groups(M, n_group, N, K, f, PAIR, div_up(M, 32 * n) * 32);
    if (pair.rows_in_turn(n_sm) < best.rows_in_turn(n_sm)) best = pair;
  }
  return best;
}
PLAN_FN Linear dense_on(int32_t n_sm, int32_t M, int32_t N, int32_t K, Format f) { return groups_on(n_sm, M, 1, N, K, f); }
// Loads scatter around their mean: twice the mean lets most experts do with one tile, which reads the weights once.
PLAN_FN Linear experts_on(int32_t n_sm, int32_t n_row, int32_t n_expert, int32_t N, int32_t K, Format f) {
  const int32_t tokens = 2 * div_up(n_row, n_expert);
  const Linear one = experts(n_row, n_expert, N, K, f, 1, tile_tokens(tokens));
  return one.may_pair(tokens, n_sm) ? experts(n_row, n_expert, N, K, f, PAIR, smaller(div_up(tokens, 32) * 32, f.pair_tokens())) : one;
}
constexpr int32_t MOST_EXPERTS = 4096;  // 16 KB of table

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
