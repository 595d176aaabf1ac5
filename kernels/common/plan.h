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
constexpr int32_t MAX_TOKENS = 128;
constexpr int32_t EPILOGUE_TOKENS = 16;  // that the epilogue reads from tensor memory at once
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
  PLAN_FN int32_t bytes(int32_t tokens) const {
    return (W_ROWS + tokens) * ROW_BYTES + (w_atoms + x_atoms) * SCALE_ATOM + (widened ? w_copied() : 0);
  }
};
constexpr Format BF16{64, 64, 16, 0, 0, false};
constexpr Format FP8{128, 128, 8, 1, 1, false};
constexpr Format MXFP4{128, 128, 4, 1, 1, false};  // e2m1 by e4m3: a code of w takes a byte in shared memory
constexpr Format NVFP4{256, 128, 4, 4, 4, false};  // maps of bytes
constexpr Format FP8W{64, 64, 8, 0, 0, true};      // e4m3 by bf16

PLAN_FN int32_t div_up(int32_t a, int32_t b) { return (a + b - 1) / b; }
PLAN_FN int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }

// Tokens of a tile: the smallest width that takes all M, at most `most`.
PLAN_FN int32_t tile_tokens(int32_t M, int32_t most = MAX_TOKENS) {
  int32_t t = 16;
  while (t < M && t < most) t *= 2;
  return t;
}

struct Linear {
  int32_t N;       // rows of a matrix of w
  int32_t tokens;  // of a tile
  int32_t n_tile;  // at most
  int32_t k_stages, stage;
  int32_t table;  // bytes of the tiles' table
  bool by_token = false;  // a warp stores the 128 rows of a token, so that sums pass through shared memory

  // CTAs that share a tile's K: a cluster, while there are multiprocessors left over and at least four stages for each.
  PLAN_FN int32_t split(int32_t n_sm) const {
    int32_t s = 1;
    while (s < MAX_SPLIT && 2 * s * n_tile <= n_sm && k_stages >= 8 * s) s *= 2;
    return s;
  }
  PLAN_FN int32_t grid(int32_t n_sm) const {
    const int32_t s = split(n_sm);
    return s * smaller(n_tile, n_sm / s);
  }
  // f32 sums of a tile that wait for the other CTAs of the cluster, or of the tokens that the epilogue stores at once
  PLAN_FN int32_t partial_bytes(int32_t split) const {
    return (split > 1 ? tokens : by_token ? EPILOGUE_TOKENS : 0) * W_ROWS * 4;
  }
  PLAN_FN int32_t stages(int32_t split) const {
    return smaller((SMEM - SMEM_RESERVED - table - partial_bytes(split)) / stage, MAX_STAGES);
  }
  PLAN_FN int32_t smem_of(int32_t split) const { return SMEM_RESERVED + table + stages(split) * stage + partial_bytes(split); }
  PLAN_FN int32_t smem(int32_t n_sm) const { return smem_of(split(n_sm)); }
};

// y[M, n_group, N] = x[M, n_group, K] w[n_group, N, K]T; a plain linear has one group.
PLAN_FN Linear groups(int32_t M, int32_t n_group, int32_t N, int32_t K, Format f) {
  const int32_t t = tile_tokens(M);
  return {N, t, n_group * div_up(M, t) * div_up(N, W_ROWS), div_up(K, f.k), f.bytes(t), 0};
}
PLAN_FN Linear dense(int32_t M, int32_t N, int32_t K, Format f) { return groups(M, 1, N, K, f); }

// Several matrices on the same tokens in one launch. Where each alone would have its K cut into equally many parts, so has it here: the
// sums are then bit for bit those of a launch each, though there may be more clusters than run at once.
struct Joint {
  static constexpr int32_t MOST = 7;
  Linear alone[MOST];
  int32_t n_matrix;

  template <class... Each>
  PLAN_FN explicit Joint(const Each&... each) : alone{each...}, n_matrix(sizeof...(each)) {}

  PLAN_FN int32_t n_tile() const {
    int32_t n = 0;
    for (int32_t i = 0; i < n_matrix; ++i) n += alone[i].n_tile;
    return n;
  }
  PLAN_FN int32_t split(int32_t n_sm) const {
    const int32_t first = alone[0].split(n_sm);
    Linear all = alone[0];
    bool agree = true;
    for (int32_t i = 1; i < n_matrix; ++i) {
      agree = agree && alone[i].split(n_sm) == first;
      all.n_tile += alone[i].n_tile;
      all.k_stages = smaller(all.k_stages, alone[i].k_stages);
    }
    return agree ? first : all.split(n_sm);
  }
  // A cluster that splits K has one tile.
  PLAN_FN int32_t grid(int32_t n_sm) const {
    const int32_t s = split(n_sm);
    return s > 1 ? s * n_tile() : smaller(n_tile(), n_sm);
  }
  PLAN_FN int32_t smem(int32_t n_sm) const {
    int32_t most = 0;
    for (int32_t i = 0; i < n_matrix; ++i) {
      const int32_t own = alone[i].smem_of(split(n_sm));
      most = own > most ? own : most;
    }
    return most;
  }
};

// What the kernel makes of matrices of one format: a product as wide as all of their tiles.
PLAN_FN int32_t w_tiles(int32_t N) { return div_up(N, W_ROWS); }
PLAN_FN Linear joined(int32_t M, int32_t w_tiles, int32_t K, Format f) { return dense(M, w_tiles * W_ROWS, K, f); }

// Of `n_cluster` clusters those that take the tiles of `a`, where the others take those of `b`: a tile each, else by their work.
PLAN_FN int32_t share(int32_t n_cluster, const Linear& a, const Linear& b) {
  if (n_cluster >= a.n_tile + b.n_tile) return a.n_tile;
  const int64_t of_a = int64_t(a.n_tile) * a.k_stages, of_b = int64_t(b.n_tile) * b.k_stages;
  const int32_t n = int32_t(n_cluster * of_a / (of_a + of_b));
  return n < 1 ? 1 : smaller(n, n_cluster - 1);
}

constexpr int32_t O_A_SMEM = 52 << 10;  // o_a_quant.cu: a tile of its linear, and 64 x 128 results
// groups() whose results are quantised, a 128-block of a token by a warp.
PLAN_FN Linear quantised(int32_t M, int32_t n_group, int32_t n_block, int32_t K) {
  Linear l = groups(M, n_group, W_ROWS * n_block, K, FP8W);
  l.by_token = true;
  return l;
}

// Rows of each expert times its weights. Loads scatter around their mean: twice the mean lets most experts do with one tile, which reads
// the weights once. How many tiles there are is known on the device only; n_owner experts with rows have at most
// (n_row + n_owner (t - 1)) / t of them.
PLAN_FN Linear experts(int32_t n_row, int32_t n_expert, int32_t N, int32_t K, Format f) {
  const int32_t t = tile_tokens(2 * div_up(n_row, n_expert)), n_owner = smaller(n_row, n_expert);
  const int32_t n_m = int32_t((n_row + int64_t(n_owner) * (t - 1)) / t);
  return {N, t, n_m * div_up(N, W_ROWS), div_up(K, f.k), f.bytes(t), div_up(4 * (n_expert + 1), 16) * 16};
}
constexpr int32_t MOST_EXPERTS = 4096;  // 16 KB of table

// The same tiles, of one or two matrices at once, whose rows the kernel finishes itself (umma_rows.cuh): a stage holds a tile of each
// matrix, and the sums of a few tokens at a time pass through shared memory.
struct Rows : Linear {
  static constexpr int32_t AT_ONCE = 16;  // tokens
  int32_t matrices;

  PLAN_FN Rows(const Linear& one, Format f, int32_t matrices) : Linear(one), matrices(matrices) {
    stage += (matrices - 1) * (W_ROWS * ROW_BYTES + f.w_atoms * SCALE_ATOM);
  }
  PLAN_FN int32_t exchange_bytes() const { return matrices * AT_ONCE * W_ROWS * 4; }
  PLAN_FN int32_t stages() const { return smaller((SMEM - SMEM_RESERVED - table - exchange_bytes()) / stage, MAX_STAGES); }
  PLAN_FN int32_t smem() const { return SMEM_RESERVED + table + exchange_bytes() + stages() * stage; }
};
// w1 and w3 of each expert.
PLAN_FN Rows expert_up(int32_t n_row, int32_t n_expert, int32_t N, int32_t K, Format f) {
  return {experts(n_row, n_expert, N, K, f), f, 2};
}

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
  PLAN_FN Scores(int32_t n_tok, int32_t n_head, int32_t n_entry) : Scores(n_tok, n_head, n_entry, MOST_COLUMNS / n_head) {}
  PLAN_FN Scores(int32_t n_tok, int32_t n_head, int32_t n_entry, int32_t most_tokens)
      : tokens(div_up(n_tok, div_up(n_tok, most_tokens))), columns(div_up(tokens * n_head, 16) * 16),
        n_group(div_up(n_tok, tokens)), n_entry_tile(div_up(n_entry, ENTRIES)), n_tile(n_group * n_entry_tile) {}

  // scales and weights that one copy takes: those before the first one up to the 16 bytes as well
  PLAN_FN int32_t beside() const { return columns + RUN; }
  PLAN_FN int32_t grid(int32_t n_sm) const { return n_tile < n_sm ? n_tile : n_sm; }
};

// A cluster that chooses among the entries of a token has their scores in its shared memory, each CTA those of a range of whole tiles, as
// keys of the selection (topk_cluster.cuh), and beside them how often each digit occurs.
struct Selection {
  static constexpr int32_t TILE = 128, MOST_ENTRIES = 1 << 18;  // of a text of 2^20 tokens
  static constexpr int32_t COUNT_BYTES = 4 * 256 * 4;           // four digits of a byte
  // CTAs that the entries suffice for; entries of a CTA, at most; bytes of a token there.
  static PLAN_FN int32_t most(int32_t n_entry) { return n_entry > TILE ? smaller(div_up(n_entry, TILE), MAX_SPLIT) : 1; }
  static PLAN_FN int32_t entries(int32_t n_entry, int32_t cluster) { return TILE * div_up(div_up(n_entry, TILE), cluster); }
  static PLAN_FN int32_t row_bytes(int32_t n_entry, int32_t cluster) { return entries(n_entry, cluster) * 4 + COUNT_BYTES; }
};

// index_scores whose tokens a cluster then chooses for. A token has a cluster for itself while multiprocessors are left over: reading the
// entries again for the next one costs less than the instructions of another's heads. Every CTA more counts and lists for all its tokens.
struct ScoreKeys : Scores {
  static constexpr int32_t MOST_TOKENS = 4, AT_ONCE = 128;                     // of a cluster; CTAs that run at once in any clusters
  static constexpr int32_t PIPELINE = SMEM_RESERVED + STAGES * STAGE + GROUP;  // a cluster has one group
  static constexpr int32_t STATIC = 2048;                                      // what the selection keeps beside the counts
  static constexpr int32_t ROOM = plan::SMEM - PIPELINE - STATIC;
  static_assert(Selection::MOST_ENTRIES / MAX_SPLIT * 4 + Selection::COUNT_BYTES <= ROOM, "a token always fits");
  int32_t n_entry;
  PLAN_FN ScoreKeys(int32_t n_tok, int32_t n_head, int32_t n_entry)
      : Scores(n_tok, n_head, n_entry, most_tokens(n_tok, n_head, n_entry)), n_entry(n_entry) {}
  static PLAN_FN int32_t most_tokens(int32_t n_tok, int32_t n_head, int32_t n_entry) {
    const int32_t cluster = Selection::most(n_entry), fit = ROOM / Selection::row_bytes(n_entry, cluster);
    return smaller(smaller(smaller(fit, MOST_COLUMNS / n_head), MOST_TOKENS), div_up(n_tok, AT_ONCE / cluster));
  }
  // As many CTAs as there are multiprocessors for, and no fewer than the keys need.
  PLAN_FN int32_t cluster(int32_t n_sm) const {
    int32_t c = Selection::most(n_entry);
    while (c > 1 && c * n_group > n_sm && tokens * Selection::row_bytes(n_entry, c - 1) <= ROOM) --c;
    return c;
  }
  PLAN_FN int32_t grid(int32_t n_sm) const { return n_group * cluster(n_sm); }
  PLAN_FN int32_t smem(int32_t n_sm) const { return PIPELINE + tokens * Selection::row_bytes(n_entry, cluster(n_sm)); }
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
