// Where things lie: functions a kernel reaches, shared, local and parameter variables; and the slots of
// registers.
#pragma once
#include <map>
#include <set>
#include <vector>

#include "flow.h"
#include "program.h"

namespace sim {

// A .param variable of a call or a device function lives in local memory; its address in .param space has
// this bit set.
inline constexpr uint64_t FRAME_PARAM = uint64_t(1) << 30;

class Layout {
 public:
  Layout(const ptx::Module& module, const ptx::Function& kernel);

  std::vector<const ptx::Function*> functions;  // the kernel, then device functions it reaches
  uint32_t static_shared = 0, param_bytes = 0, local_bytes = 0, stack_base = 0;
  std::vector<uint32_t> param_offsets;

  uint32_t local_offset(const ptx::Variable* v) const { return local_.at(v); }
  uint64_t kernel_param(const ptx::Variable* v) const;  // ~0: not a parameter of the kernel
  uint32_t shared_offset(const ptx::Variable* v) const { return shared_.at(v); }
  const ptx::Variable* module_shared(std::string_view name) const;

 private:
  void reach(const ptx::Function& f);
  const ptx::Module& module_;
  std::set<const ptx::Function*> seen_;
  std::set<std::string, std::less<>> symbols_;  // every name an instruction mentions
  std::map<const ptx::Variable*, uint32_t> local_, params_, shared_;
};

// Registers share slots when they are never alive together; 32-bit, 64-bit, 128-bit and predicate slots are
// apart.
class Slots {
 public:
  void begin();
  void assign(const ptx::Function& f, const std::vector<Interval>& live);  // of the function lowered next
  Slot of(uint32_t reg) const { return slots_[reg]; }
  Slot permanent(unsigned bits);  // 1: predicate
  Slot temporary(unsigned k);     // for one instruction; holds any width up to 64
  Slot sink() const { return sink_; }
  void finish(Program& p) const { p.register_bytes = bytes_, p.register_peak = peak_; }

 private:
  uint32_t take(unsigned bytes);
  uint32_t bytes_ = 0, peak_ = 0;
  std::vector<Slot> slots_, temporaries_;
  Slot sink_;
};

}  // namespace sim
