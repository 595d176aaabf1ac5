// What a handler sees of a warp: its register file and the lanes that are on.
#pragma once
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "instr.h"

namespace sim {

inline constexpr unsigned LANES = 32;
inline constexpr uint32_t ALL = 0xffffffffu;

struct Cta;

struct Warp {
  uint8_t* bank[2] = {nullptr, nullptr};
  uint32_t exec = 0;            // lanes this instruction acts on (guard applied)
  const Instr* next = nullptr;  // where the lanes go on; control rows change it
  Cta* cta = nullptr;
  uint32_t index = 0;                          // warp in CTA
  uint32_t carry = 0;                          // CC.CF of each lane
  std::shared_ptr<struct WgmmaGroups> wgmma;   // groups that nobody has waited for (isa/wgmma.cc)
  std::shared_ptr<struct AsyncCopies> copies;  // cp.async that nobody has waited for (isa/cp_async.cc)
  std::shared_ptr<struct BulkGroups> bulk;     // groups of bulk copies (isa/bulk.cc)
  struct WarpState* state = nullptr;           // the machinery's side (paths.h)

  template <class T>
  T* slot(Slot s) {
    return reinterpret_cast<T*>(bank[s.bits & 1] + (s.bits & ~1u));
  }
  template <class T>
  T* op(const Instr& in, unsigned k) {  // k < 6
    return slot<T>(in.op[k]);
  }
  template <class T>
  T* op_any(const Instr& in, unsigned k) {
    return slot<T>(in.more[k]);
  }
  uint32_t& pred(const Instr& in, unsigned k) { return *slot<uint32_t>(in.op[k]); }
};

// Ends the launch with one sentence: kernel, CTA, warp, thread, PTX line and text are added by the machine.
[[noreturn]] void trap(Warp& w, const Instr& in, unsigned lane, const std::string& sentence);
// The same for a fault of the warp as a whole.
[[noreturn]] void trap(Warp& w, const Instr& in, const std::string& sentence);

struct Trap : std::runtime_error {
  enum Cause {
    illegal_address,
    illegal_instruction,
    misaligned,
    uninitialised,
    deadlock,
    limit,
    trapped,
    assertion,
    race  // an order that the kernel does not enforce
  };
  Cause cause;
  Trap(Cause c, const std::string& what) : std::runtime_error(what), cause(c) {}
};
[[noreturn]] void trap(Warp& w, const Instr& in, unsigned lane, Trap::Cause cause,
                       const std::string& sentence);
// The whole sentence, for a fault that may be reported later.
std::string located(const Warp& w, const Instr& in, unsigned lane, const std::string& sentence);

}  // namespace sim
