// Generic addresses (PTX 9.1 #generic-addressing): shared, local and parameter memory are windows; everything
// else is global.
#pragma once
#include "access.h"
#include "shadow.h"

namespace sim {

inline constexpr uint64_t WINDOW = uint64_t(1) << 32;
inline constexpr uint64_t SHARED_WINDOW = uint64_t(1) << 40, LOCAL_WINDOW = uint64_t(2) << 40,
                          PARAM_WINDOW = uint64_t(3) << 40;

// Memory around an address: host bytes and shadow are indexed by the address itself.
struct Window {
  uint8_t* bytes = nullptr;
  Shadow shadow;
  uint64_t lo = 0, hi = 0;
  bool all_written = false, read_only = false;
};
// False: [address, address+bytes) is not in one piece of memory. The space is global, constant, shared or
// param.
bool find_window(Warp& w, const Instr& in, Space space, uint64_t address, uint64_t bytes, Window& out);
void to_own_space(Space& space, uint64_t& address);

// Holds an access of one lane against the order of those before it (Order). `sync`: volatile, relaxed, acquire,
// release or atomic: it does not race with its like, and orders what comes before and after.
void note_access(Warp& w, const Instr& in, unsigned lane, Space space, uint64_t address, uint32_t bytes, bool write,
                 bool sync);

[[noreturn]] void out_of_bounds(Warp& w, const Instr& in, unsigned lane, Space space, uint64_t address,
                                uint64_t bytes, Access access);
[[noreturn]] void unwritten(Warp& w, const Instr& in, unsigned lane, Space space, uint64_t address);

}  // namespace sim
