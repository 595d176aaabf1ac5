// PTX ISA 9.7.16.10.7 Block scaling: scale factors of rows of A and columns of B, from tensor memory. Factor j of
// row r is byte ID + j of the word at lane r % 32, column r / 32, and every group of 32 lanes holds a copy: each
// multiplies with its own.
#include "../numerics/umma_operand.h"
#include "tcgen05_multiply.h"

namespace sim {

void TensorMultiply::scale_a(Cta& cta, uint32_t part, umma::PanelA& a, bool* row_ok) const {
  const Tmem& t = tmem_of(cta);
  const uint32_t column = tmem_column(sfa), block = i.k / i.by.scale_vec;
  for (uint32_t m = 0; m < path.rows; ++m) {
    const uint32_t at = path.lane(m, part) / 32 * 32 + m % 32;
    const uint32_t word = t.word[at][column + m / 32] >> 8 * i.sfa_id;
    row_ok[m] = row_ok[m] && t.is_written(at, column + m / 32, 1);
    for (uint32_t j = 0; j < i.by.scale_vec; ++j) {
      const float scale = umma::scale_of(i.scale, word >> 8 * j & 0xff);
      for (uint32_t k = j * block; k < (j + 1) * block; ++k) a.at[m][k] *= scale;
    }
  }
}

// Columns of one part. Its groups of lanes multiply with one panel, so their copies have to agree.
void TensorMultiply::scale_b(Cta& cta, uint32_t part, const umma::PanelB& b, umma::PanelB& out, bool* column_ok) const {
  const Tmem& t = tmem_of(cta);
  const uint32_t column = tmem_column(sfb), block = i.k / i.by.scale_vec, n = i.n / path.parts, from = part * n;
  const uint32_t groups = 4 / path.parts, first = part * groups;
  alignas(64) float scale[4][umma::MAX_N];
  for (uint32_t c = 0; c < n; ++c) {
    const uint32_t at = first * 32 + c % 32, word = t.word[at][column + c / 32];
    bool ok = t.is_written(at, column + c / 32, 1);
    for (uint32_t g = 1; g < groups && ok; ++g) {
      const uint32_t other = at + 32 * g;
      ok = t.is_written(other, column + c / 32, 1);
      if (ok && t.word[other][column + c / 32] != word)
        trap(warp, instr, lane, Trap::illegal_instruction,
             "the scale factors of B at column " + std::to_string(column + c / 32) + " of tensor memory: expected lane " +
                 std::to_string(other) + " to hold a copy of lane " + std::to_string(at) +
                 ", every group of 32 lanes needs one");
    }
    column_ok[from + c] = column_ok[from + c] && ok;
    for (uint32_t j = 0; j < i.by.scale_vec; ++j)
      scale[j][c] = umma::scale_of(i.scale, word >> 8 * (i.sfb_id + j) & 0xff);
  }
  for (uint32_t k = 0; k < i.k; ++k) {
    const float *in = b.at[k] + from, *s = scale[k / block];
    float* to = out.at[k] + from;
    for (uint32_t c = 0; c < n; ++c) to[c] = in[c] * s[c];
  }
}

}  // namespace sim
