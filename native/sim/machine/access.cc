#include "access.h"

#include <cstring>

#include "cta.h"
#include "layout.h"
#include "lane.h"
#include "windows.h"

namespace sim {

namespace {

const char* doing(Access a) { return a == Access::read ? "read" : a == Access::write ? "write" : "update"; }

std::string hex(uint64_t v) {
  char s[24];
  std::snprintf(s, sizeof s, "0x%llx", static_cast<unsigned long long>(v));
  return s;
}

[[noreturn]] void misaligned(Warp& w, const Instr& in, unsigned lane, Space space, uint64_t address,
                             unsigned align) {
  trap(w, in, lane, Trap::misaligned,
       std::string("misaligned ") + ptx::name_of(space) + " address " + hex(address) +
           ", expected a multiple of " + std::to_string(align));
}

}  // namespace

void addresses(Warp& w, const Instr& in, unsigned k, unsigned which, bool wide, uint64_t* out) {
  int64_t offset = in.offset[which];
  if (wide) {
    const uint64_t* a = w.op_any<uint64_t>(in, k);
    SIM_EACH_LANE(l) out[l] = a[l] + uint64_t(offset);
  } else {
    const uint32_t* a = w.op_any<uint32_t>(in, k);
    SIM_EACH_LANE(l) out[l] = a[l] + uint32_t(offset);
  }
}

Space space_of(const ptx::Opcode& op) {
  for (size_t k = 1; k < op.tokens.size(); ++k) {
    std::string_view t = op.tokens[k];
    if (t == "global") return Space::global;
    if (t == "shared" || t == "shared::cta" || t == "shared::cluster") return Space::shared;
    if (t == "local") return Space::local;
    if (t == "const") return Space::constant;
    if (t == "param" || t == "param::entry" || t == "param::func") return Space::param;
  }
  return Space::generic;
}

Space space_of_generic(uint64_t a) {
  if (a - SHARED_WINDOW < WINDOW) return Space::shared;
  if (a - LOCAL_WINDOW < WINDOW) return Space::local;
  if (a - PARAM_WINDOW < WINDOW) return Space::param;
  return Space::global;
}

void to_own_space(Space& space, uint64_t& a) {
  if (space != Space::generic) return;
  space = space_of_generic(a);
  if (space != Space::global) a &= WINDOW - 1;
}

bool find_window(Warp& w, const Instr& in, Space space, uint64_t a, uint64_t bytes, Window& out) {
  Cta& c = *w.cta;
  Launch& l = *c.launch;
  if (space == Space::shared) {
    uint64_t base = c.shared_base(),
             size = SHARED_RESERVED + l.program->static_shared + l.config.dynamic_shared;
    out = {c.shared.data() - base,
           Shadow(c.shared_shadow.data() - (base >> 3)),
           base + SHARED_RESERVED,
           base + size,
           false,
           false};
    return a >= out.lo && a < out.hi && bytes <= out.hi - a;
  }
  if (space == Space::param) {
    out = {const_cast<uint8_t*>(w.state->params), Shadow(), 0, l.program->param_bytes, true, true};
    return a < out.hi && bytes <= out.hi - a;
  }
  const Allocation*& recent = c.recent[(reinterpret_cast<uintptr_t>(&in) / sizeof(Instr)) % 32];
  if (!recent || a - recent->base >= recent->bytes) {
    const auto& list = *l.allocations;
    size_t lo = 0, hi = list.size();
    while (lo < hi) {
      size_t mid = (lo + hi) / 2;
      if (list[mid]->base <= a)
        lo = mid + 1;
      else
        hi = mid;
    }
    if (!lo) return false;
    recent = list[lo - 1].get();
  }
  const Allocation& al = *recent;
  out = {nullptr,
         l.memory->shadow(),
         al.base,
         al.base + al.bytes,
         al.all_written.load(std::memory_order_relaxed),
         al.read_only};
  return a >= out.lo && a < out.hi && bytes <= out.hi - a;
}

void out_of_bounds(Warp& w, const Instr& in, unsigned lane, Space space, uint64_t a, uint64_t bytes,
                   Access access) {
  Launch& l = *w.cta->launch;
  std::string what = std::string(doing(access)) + " of " + std::to_string(bytes) + " bytes at " +
                     ptx::name_of(space) + " address " + hex(a);
  if (space == Space::shared) {
    uint64_t offset = a - w.cta->shared_base();
    what += offset < SHARED_RESERVED
                ? ", in the first 1024 bytes, which are reserved"
                : ", expected below " +
                      hex(w.cta->shared_base() + SHARED_RESERVED + l.program->static_shared +
                          l.config.dynamic_shared) +
                      " (" + std::to_string(l.program->static_shared) + " static and " +
                      std::to_string(l.config.dynamic_shared) + " dynamic bytes from 0x400)";
  } else if (space == Space::param) {
    what += ", the kernel has " + std::to_string(l.program->param_bytes) + " bytes of parameters";
  } else if (space == Space::local) {
    what += ", a thread has " + std::to_string(l.program->local_bytes) + " bytes";
  } else {
    what += ": " + l.memory->fault(a, bytes);
  }
  trap(w, in, lane, Trap::illegal_address, what);
}

void unwritten(Warp& w, const Instr& in, unsigned lane, Space space, uint64_t a) {
  std::string where = hex(a);
  if (space == Space::global)
    if (auto al = w.cta->launch->memory->find(a))
      where += " (offset " + std::to_string(a - al->base) + " of " + al->name + ")";
  trap(w, in, lane, Trap::uninitialised,
       std::string("read of ") + ptx::name_of(space) + " memory that nobody has written, at " + where);
}

uint8_t* resolve(Warp& w, const Instr& in, unsigned lane, Space space, uint64_t a, unsigned bytes,
                 unsigned align, Access access) {
  to_own_space(space, a);
  if (a & (align - 1)) misaligned(w, in, lane, space, a, align);
  if (space == Space::local) trap(w, in, lane, "this operation does not reach local memory");
  Window win;
  if (!find_window(w, in, space, a, bytes, win)) out_of_bounds(w, in, lane, space, a, bytes, access);
  if (access != Access::write && !win.all_written && w.cta->launch->config.check_uninitialised &&
      !win.shadow.all(a, bytes))
    unwritten(w, in, lane, space, win.shadow.first_unwritten(a, bytes));
  if (access != Access::read) {
    if (win.read_only)
      trap(w, in, lane, Trap::illegal_address, std::string("write to read-only memory at ") + hex(a));
    if (!win.all_written) win.shadow.mark(a, bytes);
  }
  return win.bytes + a;
}

namespace {
// Local memory: 4-byte words interleaved over the lanes, so that equal addresses of a warp lie side by side.
uint64_t local_at(uint64_t a, unsigned lane) { return (a / 4 * LANES + lane) * 4 + a % 4; }
void check_local(Warp& w, const Instr& in, unsigned lane, uint64_t a, unsigned bytes, Access access) {
  uint64_t size = w.state->program->local_bytes;
  if (a >= size || bytes > size - a) out_of_bounds(w, in, lane, Space::local, a, bytes, access);
  if (a & (std::min(bytes, 16u) - 1)) misaligned(w, in, lane, Space::local, a, std::min(bytes, 16u));
}
}  // namespace

void load(Warp& w, const Instr& in, unsigned lane, Space space, uint64_t a, unsigned bytes, void* out) {
  to_own_space(space, a);
  if (space == Space::param && (a & FRAME_PARAM)) space = Space::local, a &= FRAME_PARAM - 1;
  if (space != Space::local) {
    std::memcpy(out, resolve(w, in, lane, space, a, bytes, std::min(bytes, 16u), Access::read), bytes);
    return;
  }
  check_local(w, in, lane, a, bytes, Access::read);
  Shadow shadow(w.state->local_shadow.data());
  for (unsigned k = 0; k < bytes; ++k) {
    uint64_t at = local_at(a + k, lane);
    if (w.cta->launch->config.check_uninitialised && !shadow.all(at, 1))
      unwritten(w, in, lane, Space::local, a + k);
    static_cast<uint8_t*>(out)[k] = w.state->local[at];
  }
}

void store(Warp& w, const Instr& in, unsigned lane, Space space, uint64_t a, unsigned bytes,
           const void* from) {
  to_own_space(space, a);
  if (space == Space::param && (a & FRAME_PARAM)) space = Space::local, a &= FRAME_PARAM - 1;
  if (space != Space::local) {
    std::memcpy(resolve(w, in, lane, space, a, bytes, std::min(bytes, 16u), Access::write), from, bytes);
    return;
  }
  check_local(w, in, lane, a, bytes, Access::write);
  Shadow shadow(w.state->local_shadow.data());
  for (unsigned k = 0; k < bytes; ++k) {
    uint64_t at = local_at(a + k, lane);
    w.state->local[at] = static_cast<const uint8_t*>(from)[k];
    shadow.mark(at, 1);
  }
}

}  // namespace sim
