#include "tmem.h"

#include <cstring>

#include "cta.h"

namespace sim {

Tmem::Tmem() {
  std::memset(word, 0xcd, sizeof word);
  std::memset(written, 0, sizeof written);
}

bool Tmem::allocated(uint32_t column, uint32_t n) const {
  for (uint32_t c = column; c < column + n;) {
    const Allocation* holds = nullptr;
    for (const Allocation& a : allocations)
      if (c >= a.column && c < a.column + a.n) holds = &a;
    if (!holds) return false;
    c = holds->column + holds->n;
  }
  return true;
}

void Tmem::mark(uint32_t row, uint32_t column, uint32_t n) {
  uint16_t bit = uint16_t(1u << row % 16);
  uint16_t* w = written[row / 16] + column;
  for (uint32_t c = 0; c < n; ++c) w[c] |= bit;
}

bool Tmem::is_written(uint32_t row, uint32_t column, uint32_t n) const {
  uint16_t all = uint16_t(1u << row % 16);
  const uint16_t* w = written[row / 16] + column;
  for (uint32_t c = 0; c < n; ++c) all &= w[c];
  return all != 0;
}

Tmem& tmem_of(Cta& c) {
  if (!c.tmem) c.tmem = std::make_unique<Tmem>();
  return *c.tmem;
}

void check_columns(Warp& w, const Instr& in, unsigned lane, Cta& where, uint32_t column, uint32_t n) {
  if (column + n > Tmem::COLUMNS)
    trap(w, in, lane, Trap::illegal_address,
         "columns " + std::to_string(column) + " to " + std::to_string(column + n - 1) +
             " of tensor memory, which has 512");
  if (!where.tmem || !where.tmem->allocated(column, n))
    trap(w, in, lane, Trap::illegal_address,
         "columns " + std::to_string(column) + " to " + std::to_string(column + n - 1) +
             " of tensor memory, which tcgen05.alloc did not give to this CTA");
}

}  // namespace sim
