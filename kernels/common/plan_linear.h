// How products on tcgen05 are cut: decided on the host for the launch, and again in the kernel from the same sizes.
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
PLAN_FN int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }

// Weights fill the 128 rows of the instruction, tokens are its N ("swap-AB"), so that one token wastes no rows. For many tokens an
// instruction takes a pair of CTAs: 128 rows of weights and half of the tokens of each, so that a byte of x serves twice the rows.
constexpr int32_t W_ROWS = 128, PAIR = 2;
constexpr int32_t MAX_TOKENS = 128, MAX_PAIR_TOKENS = 256;
constexpr int32_t EPILOGUE_TOKENS = 16;                   // that the epilogue reads from tensor memory at once
constexpr int32_t TMEM_COLUMNS = 512, SCALE_COLUMNS = 4;  // SCALE_COLUMNS of an atom of scales
constexpr int32_t ROW_BYTES = 128;                        // of K in a stage: one swizzle atom
constexpr int32_t MAX_STAGES = 12, MAX_SPLIT = 8;
constexpr int32_t SMEM = 227 << 10, SMEM_RESERVED = 2048;  // barriers, and the way to the next 1024-byte boundary
constexpr int32_t SCALE_ATOM = 512;                        // 128 rows x 4 scales

// What a stage holds, and whether sums are finished by token.
struct Format {
  int32_t k, k_map;          // of K: elements, and elements of the tensor maps
  int32_t w_bits;            // of an element of w in global memory
  int32_t w_atoms, x_atoms;  // of scales
  bool widened;              // w is copied narrower than the instruction takes it, and the operand made of it
  int32_t matrices = 1;      // of w at once, each with an accumulator of its own, so that a row of one meets the same row of the other
  bool by_token = false;     // a warp takes the 128 rows of a token, so that sums pass through shared memory

  PLAN_FN Format finished(int32_t n_matrix) const { return {k, k_map, w_bits, w_atoms, x_atoms, widened, n_matrix, true}; }

  PLAN_FN int32_t w_copied() const { return matrices * W_ROWS * k * w_bits / 8; }
  // Each CTA of a pair has the scales of its own rows of w and of all tokens, 128 an atom.
  PLAN_FN int32_t atoms(int32_t ctas) const { return matrices * w_atoms + ctas * x_atoms; }
  // Swizzled tiles begin at multiples of 1024 bytes, so scales end at one.
  PLAN_FN int32_t bytes(int32_t x_rows, int32_t ctas) const {
    return (matrices * W_ROWS + x_rows) * ROW_BYTES + div_up(atoms(ctas) * SCALE_ATOM, 1024) * 1024 + (widened ? w_copied() : 0);
  }
  // Two accumulators lie beside the scales where they fit, so that a tile is stored while the next one is summed.
  PLAN_FN int32_t accumulators(int32_t tokens, int32_t ctas) const {
    return 2 * matrices * tokens + SCALE_COLUMNS * atoms(ctas) <= TMEM_COLUMNS ? 2 : 1;
  }
  // Of a pair: as many as leave room for two accumulators of one matrix, else for one of each. 256 columns of one matrix would leave
  // scales no room but with a single accumulator, and the tensor core idle while 256 columns are stored.
  PLAN_FN int32_t pair_tokens() const {
    return smaller((TMEM_COLUMNS - SCALE_COLUMNS * atoms(PAIR)) / larger(matrices, 2) / 32 * 32, MAX_PAIR_TOKENS);
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
  Format f;
  int32_t N;       // rows of a matrix of w
  int32_t ctas;    // that an instruction takes: one, or a pair
  int32_t tokens;  // of a tile
  int32_t n_tile;  // at most
  int32_t k_stages, stage;
  int32_t table;  // bytes of the tiles' table

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
  // Tokens whose f32 sums lie in shared memory at once: those that warps finish, or all of a tile that wait for the others of a cluster.
  PLAN_FN int32_t kept_tokens(int32_t split) const { return f.by_token ? EPILOGUE_TOKENS : split > 1 ? tokens : 0; }
  PLAN_FN int32_t kept_bytes(int32_t split) const { return f.matrices * kept_tokens(split) * W_ROWS * 4; }
  PLAN_FN int32_t stages(int32_t split) const {
    return smaller((SMEM - SMEM_RESERVED - table - kept_bytes(split)) / stage, MAX_STAGES);
  }
  PLAN_FN int32_t smem_of(int32_t split) const { return SMEM_RESERVED + table + stages(split) * stage + kept_bytes(split); }
  PLAN_FN int32_t smem(int32_t n_sm) const { return smem_of(split(n_sm)); }

  // What copies into shared memory cost, which take longer than the products of a stage where L2 gives a multiprocessor 64 bytes a clock
  // and the tensor core takes a stage of T tokens in about T: the stage's rows, as often as CTAs take tiles.
  PLAN_FN int32_t rows_in_turn(int32_t n_sm) const { return div_up(n_tile, n_sm / ctas) * (f.matrices * W_ROWS + x_rows()); }
  // Whether pairs may do better, for so many tokens: two CTAs' rows to share them, more tokens than a CTA takes at once, and no
  // multiprocessors left over that would share K. K too short to be shared leaves them idle anyway.
  PLAN_FN bool may_pair(int32_t tokens_together, int32_t n_sm) const {
    return N > W_ROWS && tokens_together > MAX_TOKENS && split(n_sm) == 1;
  }
};

// Tiles that the rows of a matrix of w make.
PLAN_FN int32_t w_tiles(int32_t N, int32_t ctas) { return div_up(N, ctas * W_ROWS); }

// y[M, n_group, N] = x[M, n_group, K] w[n_group, N, K]T; a plain linear has one group.
PLAN_FN Linear groups(int32_t M, int32_t n_group, int32_t N, int32_t K, Format f, int32_t ctas, int32_t t) {
  return {f, N, ctas, t, n_group * div_up(M, t) * w_tiles(N, ctas), div_up(K, f.k), f.bytes(t / ctas, ctas), 0};
}
PLAN_FN Linear dense(int32_t M, int32_t N, int32_t K, Format f, int32_t ctas, int32_t t) { return groups(M, 1, N, K, f, ctas, t); }

// Rows of each expert times its weights. How many tiles there are is known on the device only; n_owner experts with rows have at most
// (n_row + n_owner (t - 1)) / t of them.
PLAN_FN Linear experts(int32_t n_row, int32_t n_expert, int32_t N, int32_t K, Format f, int32_t ctas, int32_t t) {
  const int32_t n_owner = smaller(n_row, n_expert);
  const int32_t n_m = int32_t((n_row + int64_t(n_owner) * (t - 1)) / t);
  return {f, N, ctas, t, n_m * w_tiles(N, ctas), div_up(K, f.k), f.bytes(t / ctas, ctas), div_up(4 * (n_expert + 1), 16) * 16};
}
constexpr int32_t MOST_EXPERTS = 4096;  // 16 KB of table

// w[N, K] of a launch of several.
struct Matrix {
  int32_t N;
  Format f;
};

// Several matrices on the same tokens in one launch. Where each alone would have its K cut into equally many parts, so has it here: the
// sums are then bit for bit those of a launch each, though there may be more clusters than run at once.
struct Joint {
  static constexpr int32_t MOST = 7;
  Linear alone[MOST];
  int32_t n_matrix, ctas, tokens;

  template <class... Each>
  PLAN_FN Joint(int32_t M, int32_t K, int32_t ctas, int32_t tokens, const Each&... each)
      : alone{dense(M, each.N, K, each.f, ctas, tokens)...}, n_matrix(sizeof...(each)), ctas(ctas), tokens(tokens) {}

  PLAN_FN int32_t x_rows() const { return tokens / ctas; }
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
  PLAN_FN int32_t cluster(int32_t n_sm) const { return ctas * split(n_sm); }
  // A cluster that splits K has one tile.
  PLAN_FN int32_t grid(int32_t n_sm) const {
    const int32_t c = cluster(n_sm);
    return c * (split(n_sm) > 1 ? n_tile() : smaller(n_tile(), n_sm / c));
  }
  PLAN_FN int32_t smem(int32_t n_sm) const {
    int32_t most = 0;
    for (int32_t i = 0; i < n_matrix; ++i) most = larger(most, alone[i].smem_of(split(n_sm)));
    return most;
  }
  PLAN_FN int32_t rows_in_turn(int32_t n_sm) const { return div_up(n_tile(), n_sm / ctas) * (W_ROWS + x_rows()); }
  PLAN_FN bool may_pair(int32_t tokens_together, int32_t n_sm) const {
    bool any = false;
    for (int32_t i = 0; i < n_matrix; ++i) any = any || alone[i].may_pair(tokens_together, n_sm);
    return any && split(n_sm) == 1;
  }
};

// What the kernel makes of matrices of one format: a product as wide as all of their tiles.
PLAN_FN Linear joined(int32_t M, int32_t w_tiles, int32_t K, Format f, int32_t ctas, int32_t t) {
  return dense(M, w_tiles * ctas * W_ROWS, K, f, ctas, t);
}

// Of `n_cluster` clusters those that take the tiles of `a`, where the others take those of `b`: a tile each, else by their work.
PLAN_FN int32_t share(int32_t n_cluster, const Linear& a, const Linear& b) {
  if (n_cluster >= a.n_tile + b.n_tile) return a.n_tile;
  const int64_t of_a = int64_t(a.n_tile) * a.k_stages, of_b = int64_t(b.n_tile) * b.k_stages;
  const int32_t n = int32_t(n_cluster * of_a / (of_a + of_b));
  return n < 1 ? 1 : smaller(n, n_cluster - 1);
}

// The form that a device of n_sm multiprocessors runs. Its kernel is an entry of its own, since all tcgen05 instructions of a kernel name
// one cta_group; the host tells it the tokens of a tile. A pair's are M in equal parts, thirty-twos as its N takes them: as many parts as
// cost least, but no more of them, which read the weights each, than one CTA would make of M. `form(ctas, tokens)` is one of them.
template <class Form>
constexpr auto form_on(int32_t n_sm, int32_t M, int32_t pair_tokens, const Form& form) {
  auto best = form(1, tile_tokens(M));
  if (!best.may_pair(M, n_sm)) return best;
  for (int32_t n = div_up(M, pair_tokens); n <= div_up(M, MAX_TOKENS); ++n) {
    const auto pair = form(PAIR, div_up(M, 32 * n) * 32);
    if (pair.rows_in_turn(n_sm) < best.rows_in_turn(n_sm)) best = pair;
  }
  return best;
}
constexpr Linear groups_on(int32_t n_sm, int32_t M, int32_t n_group, int32_t N, int32_t K, Format f) {
  return form_on(n_sm, M, f.pair_tokens(), [=](int32_t ctas, int32_t t) { return groups(M, n_group, N, K, f, ctas, t); });
}
constexpr Linear dense_on(int32_t n_sm, int32_t M, int32_t N, int32_t K, Format f) { return groups_on(n_sm, M, 1, N, K, f); }
template <class... Each>
constexpr Joint joint_on(int32_t n_sm, int32_t M, int32_t K, const Each&... each) {
  int32_t pair_tokens = MAX_PAIR_TOKENS;
  ((pair_tokens = smaller(pair_tokens, each.f.pair_tokens())), ...);
  return form_on(n_sm, M, pair_tokens, [&](int32_t ctas, int32_t t) { return Joint(M, K, ctas, t, each...); });
}
// Loads scatter around their mean: twice the mean lets most experts do with one tile, which reads the weights once.
constexpr Linear experts_on(int32_t n_sm, int32_t n_row, int32_t n_expert, int32_t N, int32_t K, Format f) {
  const int32_t tokens = 2 * div_up(n_row, n_expert);
  const Linear one = experts(n_row, n_expert, N, K, f, 1, tile_tokens(tokens));
  return one.may_pair(tokens, n_sm) ? experts(n_row, n_expert, N, K, f, PAIR, smaller(div_up(tokens, 32) * 32, f.pair_tokens())) : one;
}

}  // namespace plan
