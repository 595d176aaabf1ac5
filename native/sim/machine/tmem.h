// Tensor memory of a CTA: 128 lanes of 512 columns of 32 bits. PTX 9.1 #tensor-memory
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "warp.h"

namespace sim {

struct Cta;

struct Tmem {
  static constexpr unsigned ROWS = 128, COLUMNS = 512;

  uint32_t word[ROWS][COLUMNS];
  uint16_t written[ROWS / 16][COLUMNS];  // bit r: lane 16h + r of this column holds something
  struct Allocation {
    uint32_t column, n;
    uint64_t serial;   // the same in both CTAs of a pair that allocated together
    Warp* warp;        // who allocated, for whoever asks
    const Instr* by;
    bool freeing = false;  // this CTA's half of a tcgen05.dealloc.cta_group::2 has come
  };
  std::vector<Allocation> allocations;
  std::shared_ptr<struct TmemRequests> requests;  // tcgen05.alloc and .dealloc that wait (isa/tcgen05_tmem.cc)
  unsigned cta_group = 0;                         // that the kernel's tcgen05 instructions name; 0: none ran yet
  const Instr* cta_group_by = nullptr;
  const Instr* relinquished_by = nullptr;

  Tmem();
  // First place for n columns that is free here and in `other`; COLUMNS when there is none.
  uint32_t first_fit(uint32_t n, const Tmem* other = nullptr) const;
  void release(uint64_t serial);  // its columns hold nothing any more
  bool allocated(uint32_t column, uint32_t n) const;  // all of them, in whatever allocations
  void mark(uint32_t row, uint32_t column, uint32_t n);
  bool is_written(uint32_t row, uint32_t column, uint32_t n) const;
};

// The CTA's tensor memory; made at first use.
Tmem& tmem_of(Cta& c);
// An address as instructions hold it: lane in bits 16-22, column in bits 0-8.
inline uint32_t tmem_row(uint32_t address) { return address >> 16 & 127; }
inline uint32_t tmem_column(uint32_t address) { return address & 511; }
// All tcgen05 instructions of a kernel name one cta_group, and ::2 needs the other CTA of the pair: traps otherwise.
// Returns that CTA, nullptr for ::1.
Cta* use_cta_group(Warp& w, const Instr& in, unsigned lane, unsigned group);
// Traps when a CTA ends that has not given its tensor memory back.
void check_tmem_released(Cta& c);
// Traps unless every column is allocated in `where` and lies in tensor memory.
void check_columns(Warp& w, const Instr& in, unsigned lane, Cta& where, uint32_t column, uint32_t n);

}  // namespace sim
