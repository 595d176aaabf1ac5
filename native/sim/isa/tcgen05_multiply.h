// One tcgen05.mma in flight: what was read from its operands at issue, and the work when it is carried out.
#pragma once
#include <memory>

#include "../machine/async.h"
#include "../machine/cluster.h"
#include "../numerics/umma_operand.h"

namespace sim {

// The CTAs that a tcgen05 operation acts on: its own, or with .cta_group::2 the pair of ranks that differ in bit 0,
// the even one first. PTX 9.1 #tcgen05-peer-cta
struct CtaGroup {
  Cta* at[2] = {nullptr, nullptr};
  uint32_t n = 1;
  Cta** begin() { return at; }
  Cta** end() { return at + n; }
};
CtaGroup cta_group_of(Warp& w, const Instr& in, unsigned lane, uint32_t n);

// What a multiplication reads and writes, and where.
struct MultiplyOperands {
  umma::Instruction i;
  CtaGroup group;
  bool a_in_tmem = false, accumulate = false;
  uint32_t d = 0, a_tmem = 0, sfa = 0, sfb = 0, metadata = 0;  // tensor memory addresses
  umma::SharedMatrix a, b;
  uint32_t disabled[8] = {};  // lanes of D that stay as they are, 128 a CTA
  std::shared_ptr<umma::ColumnMask> mask;
  umma::DataPath path{};

  uint32_t columns_of_d() const { return i.n / path.parts; }  // in tensor memory
  bool writes(uint32_t rank, uint32_t lane) const { return !(disabled[4 * rank + lane / 32] >> lane % 32 & 1); }
  uint32_t halves() const;  // half quadrants that A and D use
  uint32_t metadata_column() const;
  uint32_t metadata_columns() const;
  // f(offset, first, n): of each granule of A or B in the shared memory of one CTA, the rows that lie in it.
  template <class F>
  void each_granule(bool of_a, F f) const {
    const umma::SharedMatrix matrix = of_a ? a : b;
    const bool mn = of_a ? i.a_mn_major : i.b_mn_major;
    const uint32_t rows = of_a ? i.rows_a() : i.rows_b() + (mask ? mask->shift : 0);
    const uint32_t bytes = of_a ? i.bytes_a() : i.bytes_b();
    const uint32_t per = umma::elements_a_granule(i.by.kind, of_a ? i.a : i.b);
    // K-major: rows of `bytes`; MN-major: as many lines as K indices lie in that many bytes
    const uint32_t lines = mn ? bytes / 16 * per : rows, granules = mn ? (rows + per - 1) / per : bytes / 16;
    for (uint32_t line = 0; line < lines; ++line)
      for (uint32_t j = 0; j < granules; ++j)
        f(matrix.granule(mn, line, j), mn ? j * per : line, mn ? per : 1);
  }
};

// Rows of A, of each CTA, and columns of B that hang on something that raced: on what; nullptr: on nothing.
struct TaintedOperands {
  const Origin* row[2][umma::MAX_ROWS_A] = {};
  const Origin* column[umma::MAX_N] = {};
  // What lies in `bytes` of the shared memory of the group's CTA `rank`.
  void add(const MultiplyOperands& of, bool of_a, uint32_t rank, std::vector<Doubt> bytes);
};

// Of bytes that the tensor core reads, those to which an undefined value was stored.
void undefined_bytes(const Cta& cta, uint32_t from, uint32_t to, std::vector<Doubt>& doubts);

struct TensorMultiply final : AsyncOp, MultiplyOperands {
  using AsyncOp::AsyncOp;
  float scale_d = 1;

  // Traps unless everything the operation touches is there and nothing that it races with is in flight.
  void check();
  void complete() override;
  // The stored half of a sparse A, spread as its metadata says.
  void expand_a(Cta& cta, uint32_t part, umma::PanelA& a, bool* row_ok) const;

 private:
  void check_shared(bool of_a, Event done, std::vector<Doubt> (&doubts)[2]);
  void check_tmem(Event done);
  // Whether D hangs on something that raced, now or through a later write.
  void note_results(Event done, const std::vector<Doubt> (&a)[2], const std::vector<Doubt> (&b)[2]);
  void spread_taint(TaintedOperands& t) const;
  void taint_of_tmem(Cta& cta, uint32_t rank, uint32_t part, TaintedOperands& t) const;
  uint64_t metadata_of(const Tmem& t, uint32_t row, uint32_t part, bool& ok) const;
  void scale_a(Cta& cta, uint32_t part, umma::PanelA& a, bool* row_ok) const;
  void scale_b(Cta& cta, uint32_t part, const umma::PanelB& b, umma::PanelB& out, bool* column_ok) const;
  // D's columns of one part in one CTA; rank is 0 or 1, within the group.
  void multiply_part(Cta& cta, uint32_t rank, uint32_t part, const umma::PanelA& a, const umma::PanelB& b,
                     const bool* row_ok, const bool* column_ok, bool check);
};

}  // namespace sim
