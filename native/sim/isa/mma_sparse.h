// Sparse A of mma.sp and wgmma.mma_async.sp (PTX #warp-level-sparse-matrix-storage): half of each row is stored, and four
// bits of metadata a chunk of the row say where that half belongs: two positions of two bits, that of the first stored
// element lowest. A chunk is 4 elements; of tf32 it is 2, whose one stored element takes both positions, as two halves of
// 16 bits; of four-bit elements it is 8, which go in pairs.
#pragma once
#include <cmath>

#include "../numerics/mma_tile.h"
#include "../machine/warp.h"

namespace sim {

// Where in the k elements of a row of A each stored one belongs.
struct SparseRows {
  uint8_t at[16][64];
};
// `metadata` is the register of the 32 lanes; `selector` says which lanes of each four give theirs. Traps for positions
// that coincide, or, `ordered`, that do not ascend.
SparseRows sparse_rows(Warp& w, const Instr& in, const uint32_t* metadata, unsigned selector, unsigned element_bits, unsigned k,
                       bool ordered);
// The number of selectors there are: the four lanes give 32 bits each, 16 rows take k / chunk * 4 bits.
unsigned sparse_selectors(unsigned element_bits, unsigned k);

// A as numbers, from fragments of its stored half: see multiply() of numerics/mma_tile.h for how they lie.
template <unsigned PER, unsigned K>
class SparseA {
 public:
  static constexpr unsigned REGS = K / (4 * PER);
  using Fragment = Lanes32[REGS][PER];
  using Stored = Lanes32[REGS / 2][PER];

  SparseA(const Stored& low, const Stored& high, const SparseRows& rows, const TensorCore& how)
      : stored_{&low, &high}, rows_(rows), how_(how) {
    for (unsigned row = 0; row < 16; ++row)
      for (unsigned j = 0; j < K / 2; ++j) at(dense_[row / 8], place(rows.at[row][j]), row % 8) = stored(row, j);
  }
  // An element of B beside the stored ones of A is multiplied by nothing, not by zero: it may be infinite or NaN.
  void multiply(const Fragment& b, const Lanes32* c, Lanes32* d) const {
    alignas(64) Fragment finite;
    bool all_finite = true;
    for (unsigned k = 0; k < K; ++k)
      for (unsigned n = 0; n < 8; ++n) {
        const float y = at(b, k, n);
        const bool good = std::isfinite(y);
        at(finite, place(k), n) = good ? y : 0, all_finite = all_finite && good;
      }
    sim::multiply<PER, K>(dense_[0], dense_[1], finite, c, d, how_);
    if (all_finite) return;
    for (unsigned i = 0; i < 4; ++i)
      for (unsigned l = 0; l < LANES; ++l) {
        const unsigned row = l / 4 + 8 * (i / 2), column = 2 * (l % 4) + i % 2;
        double sum = c[i][l];  // infinite or NaN whenever one of its terms is, so in no need of the tensor core's rounding
        bool meets = false;
        for (unsigned j = 0; j < K / 2; ++j) {
          const float y = at(b, rows_.at[row][j], column);
          meets = meets || !std::isfinite(y), sum += double(stored(row, j)) * double(y);
        }
        if (meets) d[i][l] = float(sum);
      }
  }

 private:
  // Element k of row (of B: column) g of a fragment.
  template <class F>
  static auto& at(F& fragment, unsigned k, unsigned g) {
    return fragment[k / (4 * PER)][k % PER][4 * g + k / PER % 4];
  }
  float stored(unsigned row, unsigned j) const { return at(*stored_[row / 8], j, row % 8); }
  // Where K's order is A's and B's own. Of 8-bit floats mma.sync multiplies the first half of each register, then the
  // second, and the halves of A's registers are chunks that take turns (seen in sm_90's compiled code).
  unsigned place(unsigned k) const { return how_.halves ? (k & ~6u) | (k & 2) << 1 | (k & 4) >> 1 : k; }

  const Stored* stored_[2];
  const SparseRows& rows_;
  const TensorCore how_;
  alignas(64) Fragment dense_[2] = {};
};

}  // namespace sim
