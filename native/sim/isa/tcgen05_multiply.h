// One tcgen05.mma in flight: what was read from its operands at issue, and the work when it is carried out.
#pragma once
#include <memory>

#include "../machine/async.h"
#include "../machine/cta.h"
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

struct TensorMultiply final : AsyncOp {
  using AsyncOp::AsyncOp;
  umma::Instruction i;
  CtaGroup group;
  bool a_in_tmem = false, accumulate = false;
  uint32_t d = 0, a_tmem = 0, sfa = 0, sfb = 0, metadata = 0;  // tensor memory addresses
  umma::SharedMatrix a, b;
  uint32_t disabled[8] = {};  // lanes of D that stay as they are, 128 a CTA
  float scale_d = 1;
  std::unique_ptr<umma::ColumnMask> mask;
  umma::DataPath path{};

  // Traps unless everything the operation touches is there and nothing that it races with is in flight.
  void check();
  void complete() override;
  // The stored half of a sparse A, spread as its metadata says.
  void expand_a(Cta& cta, uint32_t part, umma::PanelA& a, bool* row_ok) const;

 private:
  void check_shared(const umma::SharedMatrix& m, bool of_a, Event done);
  void check_tmem(Event done);
  uint32_t metadata_column() const;
  uint32_t metadata_columns() const;
  uint64_t metadata_of(const Tmem& t, uint32_t row, uint32_t part, bool& ok) const;
  void scale_a(Cta& cta, uint32_t part, umma::PanelA& a, bool* row_ok) const;
  void scale_b(Cta& cta, uint32_t part, const umma::PanelB& b, umma::PanelB& out, bool* column_ok) const;
  // D's columns of one part in one CTA; rank is 0 or 1, within the group.
  void multiply_part(Cta& cta, uint32_t rank, uint32_t part, const umma::PanelA& a, const umma::PanelB& b,
                     const bool* row_ok, const bool* column_ok, bool check);
};

}  // namespace sim
