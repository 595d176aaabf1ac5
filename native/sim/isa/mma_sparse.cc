#include "mma_sparse.h"

#include <string>

namespace sim {

namespace {
unsigned chunk_of(unsigned element_bits) { return element_bits == 32 ? 2 : element_bits == 4 ? 8 : 4; }
}  // namespace

unsigned sparse_selectors(unsigned element_bits, unsigned k) { return 16 / (k / chunk_of(element_bits)); }

// Metadata of chunk c of row g + 8h, from the first of the lanes that the selector names:
//   32- and 16-bit elements: lane c / 4,         bits 16 h + 4 (c % 4) .. + 3
//   8- and 4-bit elements:   lane h + 2 (c / 8), bits 4 (c % 8) .. + 3
SparseRows sparse_rows(Warp& w, const Instr& in, const uint32_t* metadata, unsigned selector, unsigned element_bits, unsigned k,
                       bool ordered) {
  const unsigned chunk = chunk_of(element_bits), chunks = k / chunk, stored = chunk / 2;
  const unsigned first = selector * (4 / sparse_selectors(element_bits, k));
  SparseRows rows;
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned c = 0; c < chunks; ++c) {
      const unsigned half = row / 8, lane = 4 * (row % 8) + first + (element_bits >= 16 ? c / 4 : half + c / 8 * 2);
      const unsigned code = metadata[lane] >> (element_bits >= 16 ? 16 * half + c % 4 * 4 : c % 8 * 4) & 15;
      const unsigned position[2] = {code & 3, code >> 2};
      const bool legal = chunk == 2 ? code == 0b1110 || code == 0b0100 : ordered ? position[0] < position[1] : position[0] != position[1];
      if (!legal)
        trap(w, in, lane,
             "the sparsity metadata of row " + std::to_string(row) + " of A: expected " +
                 (chunk == 2 ? "4 or 14"
                  : ordered  ? "two ascending positions"
                             : "two different positions") +
                 " for chunk " + std::to_string(c) + ", got " +
                 (chunk == 2 ? std::to_string(code) : std::to_string(position[0]) + " and " + std::to_string(position[1])));
      for (unsigned j = 0; j < stored; ++j)
        rows.at[row][c * stored + j] = uint8_t(c * chunk + (chunk == 2   ? code == 0b1110
                                                            : chunk == 4 ? position[j]
                                                                         : 2 * position[j / 2] + j % 2));
    }
  return rows;
}

}  // namespace sim
