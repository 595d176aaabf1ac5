#include "access.h"

#include <cstring>

#include "cluster.h"
#include "profile.h"
#include "layout.h"
#include "lane.h"
#include "vector_access.h"
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

// .shared and .shared::cta name the CTA's own window (PTX 9.1 #state-spaces-shared); a peer's takes .shared::cluster
// or a generic address.
static void profile_async(Counters& c, const Instr& in, uint64_t a, uint64_t bytes);
static bool own_only(const Instr& in) {
  const ptx::Opcode& op = in.info->text->op;
  if (in.info->row->scope == Scope::ASYNC) return false;  // multicast
  return (op.has("shared") || op.has("shared::cta")) && !op.has("shared::cluster");
}

bool find_window(Warp& w, const Instr& in, Space space, uint64_t a, uint64_t bytes, Window& out) {
  Cta& c = *w.cta;
  Launch& l = *c.launch;
  if (space == Space::shared) {
    Cta* owner = &c;
    if (a >> 24 != c.rank) {
      owner = c.cluster->owner(a);
      if (!owner || owner->done() || own_only(in)) return false;
    }
    uint64_t base = owner->shared_base(), size = owner->shared_bytes();
    out = {owner->shared.data() - base,
           Shadow(owner->shared_shadow.data() - (base >> 3)),
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
  bool inside = a >= out.lo && a < out.hi && bytes <= out.hi - a;
  if (c.cluster->counters && inside) [[unlikely]] profile_async(*c.cluster->counters, in, a, bytes);
  return inside;
}

void out_of_bounds(Warp& w, const Instr& in, unsigned lane, Space space, uint64_t a, uint64_t bytes,
                   Access access) {
  Launch& l = *w.cta->launch;
  std::string what = std::string(doing(access)) + " of " + std::to_string(bytes) + " bytes at " +
                     ptx::name_of(space) + " address " + hex(a);
  if (space == Space::shared) {
    uint64_t offset = a & 0xffffff;
    if (!w.cta->cluster->owner(a))
      what += ", of CTA rank " + std::to_string(a >> 24) + " of a cluster of " +
              std::to_string(w.cta->cluster->ctas.size());
    else if (w.cta->cluster->owner(a) != w.cta && w.cta->cluster->owner(a)->done())
      what += ", in CTA rank " + std::to_string(a >> 24) + ", which has exited";
    else if (a >> 24 != w.cta->rank && own_only(in))
      what += ", in CTA rank " + std::to_string(a >> 24) + ": a peer's memory takes .shared::cluster";
    else
      what += offset < SHARED_RESERVED
                ? ", in the first 1024 bytes, which are reserved"
                : ", expected below " +
                      hex((a & ~uint64_t(0xffffff)) + w.cta->shared_bytes()) +
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

namespace {
// What is wrong with a byte that counts as unwritten.
Origin unwritten_byte(Warp& w, unsigned lane, Space space, uint64_t a) {
  const std::string memory = std::string(ptx::name_of(space)) + " memory that ";
  std::string where = hex(a);
  if (space == Space::global) {
    if (auto al = w.cta->launch->memory->find(a))
      where += " (offset " + std::to_string(a - al->base) + " of " + al->name + ")";
  } else if (const Origin* o = w.cta->cluster->undefined_bytes.find(UndefinedBytes::place(w, lane, space, a)); o) {
    return {memory + "holds an undefined value, at " + where + " (" + o->read + ")", o->race};
  }
  return {memory + "nobody has written, at " + where, ""};
}
}  // namespace

void unwritten(Warp& w, const Instr& in, unsigned lane, Space space, uint64_t a) {
  const Origin o = unwritten_byte(w, lane, space, a);
  trap(w, in, lane, o.cause(), o.before() + "read of " + o.read);
}

// Bytes of a read are undefined: written(k) says of which byte that is not so. A plain load hands the value on as
// undefined (a right kernel loads a whole struct, padding included); any other read ends here.
template <class Written>
void undefined_read(Warp& w, const Instr& in, unsigned lane, Space space, uint64_t a, unsigned bytes, Written written) {
  if (in.info->text->op.tokens[0] == "ld") {
    unsigned n = 0;
    for (const Flat& f : in.info->operands) n += f.written == 0;
    const unsigned each = bytes / n;
    for (unsigned b = 0; b < bytes; ++b)
      if (!written(b)) {
        const Origin o = unwritten_byte(w, lane, space, a + b);
        undefined_result(w, in, lane, b / each, o.read, o.race), b |= each - 1;
      }
    return;
  }
  unsigned first = 0;
  while (written(first)) ++first;
  unwritten(w, in, lane, space, a + first);
}

// An atomic or volatile access both takes and leaves knowledge: more order than PTX promises for some of them, never
// less, so that no right kernel is blamed.
static void synchronise(Warp& w, Space space, uint64_t a, bool write) {
  Cluster& c = *w.cta->cluster;
  Sync& at = space == Space::shared ? c.shared_sync[a & ~uint64_t(7)] : c.global_sync;
  c.order.acquire(w, at);
  if (write) c.order.release(w, at);
}
void note_access(Warp& w, const Instr& in, unsigned lane, Space space, uint64_t a, uint32_t bytes, bool write,
                 bool sync) {
  Cluster& c = *w.cta->cluster;
  if (!c.order.on()) return;
  if (space == Space::shared)
    c.order.generic(w, in, lane, *c.owner(a), uint32_t(a & 0xffffff), bytes, write, sync);
  if (sync) synchronise(w, space, a, write);
}

void note_accesses(Warp& w, const Instr& in, Space space, const Reach& r, const uint64_t* a, unsigned bytes,
                   bool write, bool sync) {
  Cluster& c = *w.cta->cluster;
  const uint32_t m = w.exec;
  const bool whole = r.shape == Reach::consecutive && m == (ALL >> (31 - r.high) & ALL << r.low);
  if (space == Space::shared) {  // all in one CTA
    Cta& owner = r.first >> 24 == w.cta->rank ? *w.cta : *c.owner(r.first);
    if (r.shape == Reach::equal)
      c.order.generic(w, in, r.low, owner, uint32_t(r.first & 0xffffff), bytes, write, sync);
    else if (whole && !sync)
      c.order.generic(w, in, r.low, owner, uint32_t(r.first & 0xffffff), (r.high - r.low + 1) * bytes, write, sync);
    else
      c.order.generic(w, in, m, owner, a, bytes, write, sync);
  }
  if (!sync) return;
  if (space != Space::shared || r.shape == Reach::equal) return synchronise(w, space, r.first, write);
  for (uint32_t k = m; k; k &= k - 1) synchronise(w, space, a[__builtin_ctz(k)], write);
}

void profile_accesses(Warp& w, const Instr& in, Space space, const uint64_t* a, unsigned bytes, Access access) {
  for (uint32_t m = w.exec; m; m &= m - 1)
    w.cta->cluster->counters->access(w, in, space, a[__builtin_ctz(m)], bytes, access);
}

// Which bytes of global memory an asynchronous operation touches: it writes them when its opcode names global memory
// first.
static void profile_async(Counters& c, const Instr& in, uint64_t a, uint64_t bytes) {
  if (in.info->row->scope != Scope::ASYNC) return;
  bool writes = false;
  for (const std::string& t : in.info->text->op.tokens)
    if (t == "global" || t.rfind("shared", 0) == 0) {
      writes = t == "global";
      break;
    }
  (writes ? c.written : c.read).add(a, bytes);
}

uint8_t* resolve(Warp& w, const Instr& in, unsigned lane, Space space, uint64_t a, unsigned bytes,
                 unsigned align, Access access, Proxy proxy) {
  to_own_space(space, a);
  if (a & (align - 1)) misaligned(w, in, lane, space, a, align);
  if (space == Space::local) trap(w, in, lane, "this operation does not reach local memory");
  Window win;
  if (!find_window(w, in, space, a, bytes, win)) out_of_bounds(w, in, lane, space, a, bytes, access);
  if (access != Access::write && !win.all_written && w.cta->launch->config.check_uninitialised &&
      !win.shadow.all(a, bytes))
    undefined_read(w, in, lane, space, a, bytes, [&](unsigned k) { return win.shadow.all(a + k, 1); });
  if (access != Access::read) {
    if (win.read_only)
      trap(w, in, lane, Trap::illegal_address, std::string("write to read-only memory at ") + hex(a));
    if (!win.all_written) win.shadow.mark(a, bytes);
  }
  if (Counters* counters = w.cta->cluster->counters; counters && proxy == Proxy::generic)
    counters->access(w, in, space, a, bytes, access);
  if (proxy == Proxy::generic) note_access(w, in, lane, space, a, bytes, access != Access::read, access == Access::update);
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
  if (Counters* counters = w.cta->cluster->counters) counters->bytes[Counters::local_load] += bytes;
  Shadow shadow(w.state->local_shadow.data());
  bool all = true;
  for (unsigned k = 0; k < bytes; ++k) {
    uint64_t at = local_at(a + k, lane);
    all &= shadow.all(at, 1);
    static_cast<uint8_t*>(out)[k] = w.state->local[at];
  }
  if (!all && w.cta->launch->config.check_uninitialised)
    undefined_read(w, in, lane, Space::local, a, bytes, [&](unsigned k) { return shadow.all(local_at(a + k, lane), 1); });
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
  if (Counters* counters = w.cta->cluster->counters) counters->bytes[Counters::local_store] += bytes;
  Shadow shadow(w.state->local_shadow.data());
  for (unsigned k = 0; k < bytes; ++k) {
    uint64_t at = local_at(a + k, lane);
    w.state->local[at] = static_cast<const uint8_t*>(from)[k];
    shadow.mark(at, 1);
  }
}

void unwrite(Warp& w, const Instr& in, Space space, unsigned lane, uint64_t a, unsigned bytes) {
  if (space == Space::param && (a & FRAME_PARAM)) space = Space::local, a &= FRAME_PARAM - 1;
  w.cta->cluster->undefined_bytes.remove(UndefinedBytes::place(w, lane, space, a), bytes);
  if (space == Space::local) {
    Shadow shadow(w.state->local_shadow.data());
    for (unsigned k = 0; k < bytes; ++k) shadow.clear(local_at(a + k, lane), 1);
  } else if (Window win; space == Space::shared && find_window(w, in, space, a, bytes, win)) {
    win.shadow.clear(a, bytes);
  }
}

void undefine(Warp& w, const Instr& in, Space space, unsigned lane, uint64_t a, unsigned bytes, const Origin& why) {
  if (space == Space::param && (a & FRAME_PARAM)) space = Space::local, a &= FRAME_PARAM - 1;
  unwrite(w, in, space, lane, a, bytes);
  w.cta->cluster->undefined_bytes.add(UndefinedBytes::place(w, lane, space, a), bytes, why);
}

}  // namespace sim
