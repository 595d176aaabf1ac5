// PTX ISA 9.7.16.10 tcgen05.mma: the work, once it is carried out. Operands become panels of floats, D is summed in
// place. What nobody has written may be multiplied (the rows of a tile that a kernel leaves empty): it makes the
// words of D that depend on it count as not written.
#include "tcgen05_multiply.h"

#include "../machine/cluster.h"
#include "../machine/profile_hooks.h"
#include "../machine/program.h"
#include "../numerics/umma_multiply.h"

namespace sim {

using umma::Kind;

namespace {

// Of one CTA's A or all of B: which rows depend on bytes that nobody has written, and which do not.
struct Defined {
  bool row[umma::MAX_N];
};

// Work space of the host thread.
struct Workspace {
  umma::PanelA a;
  umma::PanelB b, scaled;
  alignas(64) float lines[(umma::MAX_N + 32) * umma::MAX_K + 256];  // as they lie in shared memory, one behind the other
  alignas(64) float d[umma::MAX_ROWS_A][umma::MAX_N];           // of an accumulator that is not f32
  alignas(64) float nowhere[umma::MAX_N];                       // disabled lanes
  alignas(64) uint8_t bytes[(umma::MAX_N + 32) * 64 + 64];
};
Workspace& workspace() {
  static thread_local std::unique_ptr<Workspace> s = std::make_unique<Workspace>();
  return *s;
}

struct Source {
  const umma::SharedMatrix& matrix;
  umma::Number number;
  bool mn_major;
  uint32_t rows, bytes, shift;  // of the rows the first `shift` are skipped
};

// An operand of one CTA, decoded to sp.lines: rows for K-major, K indices for MN-major.
struct Lines {
  uint32_t n, pitch;
};
template <bool MN_MAJOR>
Lines gather(const TensorMultiply& op, const Source& s, Cta& cta, bool check, Workspace& sp, Defined& defined) {
  const Kind kind = op.i.by.kind;
  const uint32_t per = umma::elements_a_granule(kind, s.number), data = umma::data_bytes(kind, s.number);
  const uint32_t all = s.rows + s.shift;
  const uint32_t lines = MN_MAJOR ? s.bytes / 16 * per : s.rows, granules = MN_MAJOR ? (all + per - 1) / per : s.bytes / 16;
  const uint8_t *memory = cta.shared.data(), *shadow = cta.shared_shadow.data();
  const uint32_t want = data == 16 ? 0xffff : data == 12 ? 0x0fff : 0x00ff;
  const umma::SharedMatrix matrix = s.matrix;
  uint8_t* to = sp.bytes;
  for (uint32_t line = 0; line < lines; ++line)
    for (uint32_t j = 0; j < granules; ++j, to += 16) {
      const uint32_t at = matrix.granule(MN_MAJOR, MN_MAJOR ? line : line + s.shift, j);
      std::memcpy(to, memory + at, 16);
      if (!check) continue;
      uint16_t written;
      std::memcpy(&written, shadow + at / 8, 2);
      if ((written & want) == want) continue;
      const uint32_t first = MN_MAJOR ? j * per : line, n = MN_MAJOR ? per : 1;
      for (uint32_t r = first; r < first + n && r < all; ++r)
        if (!MN_MAJOR || r >= s.shift) defined.row[MN_MAJOR ? r - s.shift : r] = false;
    }
  umma::decoder(kind, s.number, false)(sp.bytes, lines * granules, sp.lines);
  return {lines, granules * per};
}
Lines gather(const TensorMultiply& op, const Source& s, Cta& cta, bool check, Workspace& sp, Defined& defined) {
  return s.mn_major ? gather<true>(op, s, cta, check, sp, defined) : gather<false>(op, s, cta, check, sp, defined);
}

void negate(float* line, unsigned n) {
  for (unsigned k = 0; k < n; ++k) line[k] = -line[k];
}

// All of B, from the CTAs of the group: each holds its share of the N columns.
void load_b(const TensorMultiply& op, bool check, Workspace& sp, Defined& defined) {
  const auto& i = op.i;
  const uint32_t rows = i.rows_b();
  std::fill_n(defined.row, i.n, true);
  for (uint32_t c = 0; c < op.group.n; ++c) {
    Defined mine;
    std::fill_n(mine.row, rows, true);
    const Source s{op.b, i.b, i.b_mn_major, rows, i.bytes_b(), op.mask ? op.mask->shift : 0};
    const Lines lines = gather(op, s, *op.group.at[c], check, sp, mine);
    float* to = sp.b.at[0] + c * rows;
    if (i.b_mn_major)
      for (uint32_t k = 0; k < lines.n; ++k)
        std::memcpy(to + k * umma::MAX_N, sp.lines + k * lines.pitch + s.shift, rows * sizeof(float));
    else if (c == 0 || rows % 16 == 0)
      umma::transpose(sp.lines, lines.pitch, rows, i.k, to, umma::MAX_N);
    else  // a transpose works on whole vectors: to the side first
      for (uint32_t k = 0; k < i.k; ++k)
        for (uint32_t n = 0; n < rows; ++n) to[k * umma::MAX_N + n] = sp.lines[n * lines.pitch + k];
    std::copy_n(mine.row, rows, defined.row + c * rows);
  }
  if (i.negate_b)
    for (uint32_t k = 0; k < i.k; ++k) negate(sp.b.at[k], i.n);
  if (!op.mask) return;
  for (uint32_t n = 0; n < i.n; ++n)
    if (!op.mask->used[n]) {
      for (uint32_t k = 0; k < i.k; ++k) sp.b.at[k][n] = 0;
      defined.row[n] = true;
    }
}

// A of one CTA; for A in tensor memory, as one group of lanes holds it.
void load_a(const TensorMultiply& op, Cta& cta, uint32_t part, bool check, Workspace& sp, Defined& defined) {
  const auto& i = op.i;
  const uint32_t rows = i.rows_a(), stored = i.by.sparse ? i.k / 2 : i.k;
  std::fill_n(defined.row, rows, true);
  if (op.a_in_tmem) {
    const Tmem& t = tmem_of(cta);
    const umma::DecodeLine decode = umma::decoder(i.by.kind, i.a, true);
    const uint32_t column = tmem_column(op.a_tmem);
    for (uint32_t m = 0; m < rows; ++m) {
      // .ashift: rows move down by one, the last stays
      const uint32_t at = op.path.lane(i.by.ashift && m + 1 < rows ? m + 1 : m, part);
      std::memcpy(sp.bytes, &t.word[at][column], i.bytes_a());
      if (check) defined.row[m] = t.is_written(at, column, i.bytes_a() / 4);
      decode(sp.bytes, i.bytes_a() / 16, sp.a.at[m]);
    }
  } else {
    const Source s{op.a, i.a, i.a_mn_major, rows, i.bytes_a(), 0};
    const Lines lines = gather(op, s, cta, check, sp, defined);
    if (i.a_mn_major)
      umma::transpose(sp.lines, lines.pitch, lines.n, rows, sp.a.at[0], umma::MAX_K);
    else
      for (uint32_t m = 0; m < rows; ++m)
        for (uint32_t k = 0; k < stored; k += 8)  // 32 bytes of K hold eight elements or more
          std::memcpy(sp.a.at[m] + k, sp.lines + m * lines.pitch + k, 8 * sizeof(float));
  }
  if (i.by.sparse) op.expand_a(cta, part, sp.a, defined.row);
  if (i.negate_a)
    for (uint32_t m = 0; m < rows; ++m) negate(sp.a.at[m], i.k);
}

// D's words of a row that the multiply loop sums into as floats, and back. f16 lies in the low half of its word.
void f16_to_floats(const uint32_t* word, uint32_t n, float* out) {
  for (uint32_t c = 0; c < n; ++c) out[c] = f16_to_f32(word[c] & 0xffff);
}
void floats_to_f16(const float* sum, uint32_t n, uint32_t* word) {
  for (uint32_t c = 0; c < n; ++c) word[c] = f32_to_f16_rn(bits(sum[c]));
}
// At most 64 products of 16 bits: the sum is an integer that f32 holds.
void add_integers(const float* sum, uint32_t n, bool accumulate, bool saturate, uint32_t* word) {
  const uint32_t keep = accumulate ? ~0u : 0;
  if (!saturate) {
    for (uint32_t c = 0; c < n; ++c) word[c] = (word[c] & keep) + uint32_t(int32_t(sum[c]));
    return;
  }
  for (uint32_t c = 0; c < n; ++c) {
    const int64_t exact = int64_t(int32_t(word[c] & keep)) + int32_t(sum[c]);
    word[c] = uint32_t(int32_t(std::clamp<int64_t>(exact, INT32_MIN, INT32_MAX)));
  }
}

}  // namespace

void TensorMultiply::multiply_part(Cta& cta, uint32_t rank, uint32_t part, const umma::PanelA& a, const umma::PanelB& b,
                                   const bool* row_ok, const bool* column_ok, bool check) {
  Workspace& sp = workspace();
  Tmem& t = tmem_of(cta);
  const uint32_t n = columns_of_d(), from = part * n, column = tmem_column(d);
  const bool plain = i.d == umma::Accumulator::f32;
  float* rows[umma::MAX_ROWS_A];
  bool on[umma::MAX_ROWS_A];
  for (uint32_t m = 0; m < path.rows; ++m) {
    const uint32_t at = path.lane(m, part);
    on[m] = writes(rank, at);
    rows[m] = !on[m] ? sp.nowhere : plain ? reinterpret_cast<float*>(&t.word[at][column]) : sp.d[m];
    if (i.d == umma::Accumulator::f16) f16_to_floats(&t.word[at][column], n, sp.d[m]);
  }
  for (uint32_t m = 0; m < path.rows; m += umma::ROWS_AT_ONCE)
    umma::multiply({a.at[m], b.at[0] + from, rows + m, i.k, n, accumulate && i.d != umma::Accumulator::s32, scale_d});
  for (uint32_t m = 0; m < path.rows && !plain; ++m) {
    uint32_t* word = &t.word[path.lane(m, part)][column];
    if (!on[m]) continue;
    if (i.d == umma::Accumulator::f16)
      floats_to_f16(sp.d[m], n, word);
    else
      add_integers(sp.d[m], n, accumulate, i.saturate, word);
  }
  // what counts as written now
  uint16_t column_good[umma::MAX_N];
  for (uint32_t c = 0; c < n; ++c) column_good[c] = uint16_t(-int(column_ok[from + c]));
  uint16_t touched[Tmem::ROWS / 16] = {}, ok[Tmem::ROWS / 16] = {};
  for (uint32_t m = 0; m < path.rows; ++m) {
    const uint32_t at = path.lane(m, part);
    touched[at / 16] |= uint16_t(on[m] << at % 16), ok[at / 16] |= uint16_t((on[m] && row_ok[m]) << at % 16);
  }
  for (uint32_t h = 0; h < Tmem::ROWS / 16; ++h) {
    if (!touched[h]) continue;
    uint16_t* w = t.written[h] + column;
    const uint16_t mine = touched[h], good = ok[h], keep = accumulate && check ? 0 : 0xffff;
    for (uint32_t c = 0; c < n; ++c) w[c] = uint16_t((w[c] & ~mine) | (column_good[c] & good & (w[c] | keep)));
  }
}

void TensorMultiply::complete() {
  count_multiply_adds(warp, instr, uint64_t(i.m) * i.n * i.k);
  Workspace& sp = workspace();
  const bool check = warp.cta->launch->config.check_uninitialised;
  Defined of_a, of_b;
  load_b(*this, check, sp, of_b);
  for (uint32_t c = 0; c < group.n; ++c) {
    Cta& cta = *group.at[c];
    for (uint32_t part = 0; part < path.parts; ++part) {
      // every group of lanes of tensor memory has its own copy of A
      const bool scaled = i.by.scale_vec != 0;
      if (part == 0 || a_in_tmem || scaled || i.by.sparse) load_a(*this, cta, part, check, sp, of_a);
      if (scaled) {
        bool column_ok[umma::MAX_N];
        std::copy_n(of_b.row, i.n, column_ok);
        scale_a(cta, part, sp.a, of_a.row);
        scale_b(cta, part, sp.b, sp.scaled, column_ok);
        multiply_part(cta, c, part, sp.a, sp.scaled, of_a.row, column_ok, check);
      } else {
        multiply_part(cta, c, part, sp.a, sp.b, of_a.row, of_b.row, check);
      }
    }
  }
}

}  // namespace sim
