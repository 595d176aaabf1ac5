// Shared by the chapters of bulk and tensor copies: bulk groups, the places that a copy reaches, and its completion.
// PTX ISA 9.7.9.25 #data-movement-and-conversion-instructions-asynchronous-copy
#pragma once
#include <deque>
#include <memory>
#include <vector>

#include "../machine/access.h"
#include "../machine/mbarrier.h"
#include "../machine/row.h"
#include "../machine/windows.h"

namespace sim {

// Bulk groups of a warp's threads: each thread has its own. A group's sources are read first (wait_group.read) and
// its destinations written later (wait_group).
struct BulkGroups : Waitable {
  struct Group {
    uint32_t unread = 0, unwritten = 0;  // operations that still read their source, that are not complete
    uint32_t event = 0;                  // of the latest operation (Order::open_bulk)
  };
  std::deque<Group> groups[LANES];  // the last one is open
  uint32_t first[LANES] = {};       // number of the group in front
  uint32_t index = 0;               // of the warp

  BulkGroups() {
    for (auto& g : groups) g.emplace_back();
  }
  Group& number(unsigned lane, uint32_t k) { return groups[lane][k - first[lane]]; }
  uint32_t open(unsigned lane) const { return first[lane] + uint32_t(groups[lane].size()) - 1; }
  std::string describe() const override;
};

// What a bulk_group operation does. read() takes what it wants of shared memory; write() puts it into global memory,
// some time later.
struct BulkWork {
  Warp& warp;
  const Instr& instr;
  unsigned lane;
  BulkWork(Warp& w, const Instr& in, unsigned l) : warp(w), instr(in), lane(l) {}
  virtual ~BulkWork() = default;
  virtual void read() = 0;
  virtual void write() = 0;
};
// Checks and notes the read of [source, source + bytes) of shared memory, and puts the work in flight.
void issue_to_group(std::shared_ptr<BulkWork> work, uint64_t source, uint32_t bytes);

// Where a copy goes and which mbarrier hears of it.
struct Target {
  uint64_t to = 0, barrier = 0;
  Event event;
};
// What an instruction says about its destination.
struct Destination {
  bool own_cta = false;    // .shared::cta
  bool multicast = false;  // to the CTAs of `mask`
  bool pair = false;       // .cta_group::2: the mbarrier may be the peer's
  uint32_t mask = 0;
};
std::vector<Target> targets_of(Warp& w, const Instr& in, unsigned lane, uint64_t to, uint64_t barrier,
                               const Destination& d);
// Checks and notes the write of [t.to, t.to + bytes) by an operation that completes on the target's mbarrier.
void note_target(Warp& w, const Instr& in, unsigned lane, Target& t, uint32_t bytes, bool reduces = false);
void complete_target(const AsyncOp& op, const Target& t, uint32_t bytes);

// The window around [address, address + bytes) of shared memory; traps when it is not all there.
Window shared_window(Warp& w, const Instr& in, unsigned lane, uint64_t address, uint64_t bytes, Access access);
// Both addresses and the size of a bulk copy are multiples of 16.
void check_sixteens(Warp& w, const Instr& in, unsigned lane, uint64_t to, uint64_t from, uint32_t bytes);

// Operand k of one lane, as a number and as an address with its constant.
inline uint32_t word(Warp& w, const Instr& in, unsigned k, unsigned lane) { return w.op_any<uint32_t>(in, k)[lane]; }
inline uint64_t address(Warp& w, const Instr& in, unsigned k, bool wide, int32_t offset, unsigned lane) {
  return wide ? w.op_any<uint64_t>(in, k)[lane] + uint64_t(int64_t(offset))
              : w.op_any<uint32_t>(in, k)[lane] + uint32_t(offset);
}
inline bool is_wide(const Flat& o) { return (o.kind == Flat::imm ? o.imm_bits : o.bits) == 64; }
// The constant of an address operand as written: Instr has room for two of an instruction.
inline int32_t constant_of(const ptx::Instruction& text, size_t written) {
  const ptx::Operand& o = text.operands.at(written);
  return o.parts.at(0).kind == ptx::Operand::symbol ? 0 : int32_t(o.offset);
}

enum class Transfer : uint8_t { in, out, across };
inline void count_transfer(Warp& w, Transfer t, uint64_t bytes) {
  w.cta->launch->bulk_bytes[unsigned(t)].fetch_add(bytes, std::memory_order_relaxed);
}

}  // namespace sim
