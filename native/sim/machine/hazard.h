// Registers that an instruction touches late: tcgen05.ld writes its destinations until tcgen05.wait::ld,
// wgmma.mma_async its accumulators, and reads A in registers, until wgmma.wait_group. Instructions that may touch such
// a register early are found when a kernel is lowered and get a handler in front of theirs; all others cost nothing.
//
// Reading the result of a tcgen05.ld is legal at any time, the hardware waits for it (PTX 9.1
// #tcgen05-memory-consistency-model-canonical-sync-patterns-reg-dependency-same-thread): the warp then knows that the
// load is done. Copies do not count: nvcc writes a mov behind every inline asm, which ptxas drops.
// Registers of a wgmma that are touched early are undefined (#asynchronous-warpgroup-level-matrix-instructions-wgmma-mma-async),
// but one wgmma may follow another on the same accumulators. Copies do not count here either: nvcc moves accumulators
// about between two of them. A copy is as late as what it copies.
#pragma once
#include <array>
#include <memory>
#include <vector>

#include "../parse/ptx.h"
#include "order.h"

namespace sim {

struct Flow;
struct Touch;

// Of a warp: a tcgen05.ld that it has not waited for.
struct LateResult {
  const Instr* by;
  Event done;
};

// What an instruction does to registers that wgmma works on, by numbers that only these registers have. A wgmma reads
// A and writes D.
struct WarpgroupRegisters {
  std::vector<uint32_t> reads, writes;
  bool copies = false;
};

// Of a warp: which wgmma works on a register last, and in which group, counted from 1.
class LateRegisters {
 public:
  struct Use {
    uint64_t group = 0;
    const Instr* by = nullptr;
  };
  Use& written(uint32_t reg) { return at(reg)[0]; }
  Use& read(uint32_t reg) { return at(reg)[1]; }
  bool late(const Use& u) const { return u.group > done_; }
  void waited_for(uint64_t groups) { done_ = groups; }

 private:
  std::array<Use, 2>& at(uint32_t reg) {
    if (reg >= of_.size()) of_.resize(reg + 1);
    return of_[reg];
  }
  std::vector<std::array<Use, 2>> of_;
  uint64_t done_ = 0;  // groups up to this one are
};

// For each instruction of the function, the tcgen05.ld (indices into its body) whose results it may touch early.
std::vector<std::vector<uint32_t>> late_uses(const ptx::Function& f, const Flow& flow, const std::vector<Touch>& touch);
// For each instruction, what it does to registers of wgmma; null for most. `n`: how many such registers there are so far.
std::vector<std::unique_ptr<WarpgroupRegisters>> warpgroup_uses(const ptx::Function& f, const std::vector<Touch>& touch,
                                                                uint32_t& n);
// In front of an instruction that has one or the other (InstrInfo::late, ::warpgroup).
void uses_late_result(Warp& w, const Instr& in);

// For the handlers of producers, and of what waits for them.
void late_result(Warp& w, const Instr& in, Event done);
void waited_for_loads(Warp& w);
void late_registers(Warp& w, const Instr& in, uint64_t group);  // of a wgmma, by its group
void waited_for_groups(Warp& w, uint64_t groups);               // that many have been waited for since the warp began

}  // namespace sim
