#include "tmem.h"

#include <cstring>

#include "cluster.h"
#include "program.h"

namespace sim {

Tmem::Tmem() {
  std::memset(word, 0xcd, sizeof word);
  std::memset(written, 0, sizeof written);
}

uint32_t Tmem::first_fit(uint32_t n, const Tmem* other) const {
  for (uint32_t at = 0; at + n <= COLUMNS;) {
    const Allocation* in_the_way = nullptr;
    for (const Tmem* t : {this, other})
      if (t)
        for (const Allocation& a : t->allocations)
          if (a.column < at + n && at < a.column + a.n) in_the_way = &a;
    if (!in_the_way) return at;
    at = in_the_way->column + in_the_way->n;
  }
  return COLUMNS;
}

void Tmem::release(uint64_t serial) {
  for (size_t k = 0; k < allocations.size(); ++k) {
    const Allocation a = allocations[k];
    if (a.serial != serial) continue;
    for (auto& half : written) std::memset(half + a.column, 0, a.n * sizeof half[0]);
    allocations.erase(allocations.begin() + std::ptrdiff_t(k));
    return;
  }
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

Cta* use_cta_group(Warp& w, const Instr& in, unsigned lane, unsigned group) {
  Tmem& t = tmem_of(*w.cta);
  if (!t.cta_group) t.cta_group = group, t.cta_group_by = &in;
  if (t.cta_group != group)
    trap(w, in, lane, "all tcgen05 instructions of a kernel name the same cta_group, but " +
                          t.cta_group_by->info->text->op.text + " at PTX line " +
                          std::to_string(t.cta_group_by->info->text->line) + " names the other one");
  if (group == 1) return nullptr;
  Cluster& c = *w.cta->cluster;
  if (c.ctas.size() % 2)
    trap(w, in, lane, "cta_group::2 needs CTAs in pairs, a cluster of an even number, found " +
                          std::to_string(c.ctas.size()));
  return c.at_rank(w.cta->rank ^ 1);
}

void check_tmem_released(Cta& c) {
  if (!c.tmem || c.tmem->allocations.empty() || !c.done()) return;
  const Tmem::Allocation& a = c.tmem->allocations.front();
  trap(*a.warp, *a.by, 0, "columns " + std::to_string(a.column) + " to " + std::to_string(a.column + a.n - 1) +
                              " of tensor memory are still allocated when the CTA ends: expected a tcgen05.dealloc");
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
