// PTX ISA 9.7.16.10.8 Sparse matrices: the half of A's elements that is stored, put where the metadata in tensor
// memory says. Four bits describe a chunk that stores half its elements: two positions of 2 bits, in pieces of a
// quarter of the chunk. A chunk is 2 elements of tf32 (whose one element is two such pieces), 4 of the other kinds,
// 8 of the mxf4 kinds.
#include "../machine/program.h"
#include "tcgen05_multiply.h"

namespace sim {

// Columns of tensor memory that the metadata of an instruction takes.
uint32_t MultiplyOperands::metadata_column() const {
  const bool selected = i.by.kind == umma::Kind::f16 || i.by.kind == umma::Kind::tf32;
  return tmem_column(metadata) + (selected ? i.sparsity_selector : 0);
}
uint32_t MultiplyOperands::metadata_columns() const {
  return i.by.kind == umma::Kind::f16 || i.by.kind == umma::Kind::tf32 ? 1 : 2;
}

// For f16 and tf32 the 16 bits of the first half of K of rows 0-7 of a group of 16 lie in the low halves of lanes 0-7,
// of rows 8-15 in their high halves; the second half of K in lanes 8-15. The other kinds have 64 bits a row.
// #tcgen05-sparse-matrices-sparsity-selector
uint64_t TensorMultiply::metadata_of(const Tmem& t, uint32_t row, uint32_t part, bool& ok) const {
  const uint32_t column = metadata_column();
  if (metadata_columns() == 2) {
    const uint32_t at = path.lane(row, part);
    ok = ok && t.is_written(at, column, 2);
    return t.word[at][column] | uint64_t(t.word[at][column + 1]) << 32;
  }
  const uint32_t at = path.lane(row / 16 * 16, part) + row % 8, shift = row % 16 / 8 * 16;
  ok = ok && t.is_written(at, column, 1) && t.is_written(at + 8, column, 1);
  return (t.word[at][column] >> shift & 0xffff) | uint64_t(t.word[at + 8][column] >> shift & 0xffff) << 16;
}

void TensorMultiply::expand_a(Cta& cta, uint32_t part, umma::PanelA& a, bool* row_ok) const {
  const Tmem& t = tmem_of(cta);
  const uint32_t stored = i.k / 2, chunk = i.by.kind == umma::Kind::tf32 ? 2 : umma::packed_fp4(i.by.kind) ? 8 : 4;
  for (uint32_t m = 0; m < path.rows; ++m) {
    bool ok = true;
    const uint64_t bits = metadata_of(t, m, part, ok);
    row_ok[m] = row_ok[m] && ok;
    float line[umma::MAX_K / 2];
    std::copy_n(a.at[m], stored, line);
    std::fill_n(a.at[m], i.k, 0.0f);
    for (uint32_t c = 0; c < i.k / chunk; ++c) {
      const uint32_t code = bits >> 4 * c & 15, first = code & 3, second = code >> 2;
      const bool legal = chunk == 2 ? code == 0b1110 || code == 0b0100 : first != second;
      if (ok && !legal)
        trap(warp, instr, lane, Trap::illegal_instruction,
             "the sparsity metadata of row " + std::to_string(m) + " of A: expected " +
                 (chunk == 2 ? "4 or 14" : "two different positions") + " for chunk " + std::to_string(c) + ", got " +
                 std::to_string(code));
      const float* from = line + c * chunk / 2;
      float* to = a.at[m] + c * chunk;
      if (chunk == 2) {
        to[code == 0b1110] = from[0];
      } else {
        const uint32_t piece = chunk / 4;
        std::copy_n(from, piece, to + first * piece);
        std::copy_n(from + piece, piece, to + second * piece);
      }
    }
  }
}

}  // namespace sim
