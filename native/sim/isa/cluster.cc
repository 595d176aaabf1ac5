// PTX ISA 9.7.9.23-24 mapa, getctarank and 9.7.13.3 barrier.cluster. A shared address carries the rank of its CTA
// in bits 24 and up (machine/cta.h), so a peer's address is the own one with another rank.
#include "../machine/cluster_barrier.h"
#include "../machine/profile.h"
#include "../machine/windows.h"
#include "chapters.h"
#include "select.h"

namespace sim::cluster_chapter {
namespace {

constexpr uint64_t OFFSET = 0xffffff;

// mapa d, a, b: a in CTA b. Generic addresses must be of shared memory.
template <class T, bool GENERIC>
void mapa(Warp& w, const Instr& in) {
  if constexpr (GENERIC) {
    const T* a = w.op<T>(in, 1);
    for (uint32_t m = w.exec; m; m &= m - 1)
      if (unsigned l = unsigned(__builtin_ctz(m)); space_of_generic(a[l]) != Space::shared)
        trap(w, in, l, Trap::illegal_address, "mapa expects a generic address of shared memory, found one of " +
                                                  std::string(ptx::name_of(space_of_generic(a[l]))) + " memory");
  }
  map<T, T, uint32_t>(w, in, [](T a, uint32_t b) {
    return T((a & OFFSET) | T(b) << 24 | (GENERIC ? T(SHARED_WINDOW) : T(0)));
  });
}
Handler select_mapa(Form& f) {
  bool generic = !f.has("shared::cluster");
  fix_width(f, 2, 32);
  if (f.type() == Type::u64) return generic ? mapa<uint64_t, true> : mapa<uint64_t, false>;
  return generic ? nullptr : mapa<uint32_t, false>;  // a generic address has 64 bits
}

template <class T>
void getctarank(Warp& w, const Instr& in) {
  map<uint32_t, T>(w, in, [](T a) { return uint32_t(a >> 24 & 0xff); });
}
Handler select_getctarank(Form& f) {
  if (f.type() == Type::u64) return getctarank<uint64_t>;
  return f.has("shared::cluster") ? getctarank<uint32_t> : nullptr;
}

void arrive(Warp& w, const Instr& in) { w.cta->cluster->barrier->arrive(w, in, in.aux); }
Handler select_arrive(Form& f) {
  f.aux = f.has("relaxed");
  return arrive;
}
void wait(Warp& w, const Instr& in) {
  ClusterBarrier& b = *w.cta->cluster->barrier;
  w.state->path().token = 0;
  if (b.passes(w, in)) return;
  if (Counters* counters = w.cta->cluster->counters) ++counters->cluster_waits;
  park_on(w, in, b);
}
Handler select_wait(Form& f) {
  f.may_block = true;
  return wait;
}

}  // namespace

#define MOVE(name) "#data-movement-and-conversion-instructions-" name
void add_rows(Rows& rows) {
  constexpr TypeSet address = types({Type::u32, Type::u64});
  constexpr Pattern NONE{0, 0, 0};
  constexpr Scope L = Scope::LANE, C = Scope::CLUSTER;
  const char* BARRIER = "#parallel-synchronization-and-communication-instructions-barrier-cluster";
  // clang-format off
  //        name                      types    modifiers                  operands scope select             anchor
  rows.add({"mapa",                   address, "shared::cluster",         D_A_B,   L,    select_mapa,       MOVE("mapa")});
  rows.add({"getctarank",             address, "shared::cluster",         D_A,     L,    select_getctarank, MOVE("getctarank")});
  rows.add({"barrier.cluster.arrive", NO_TYPE, "release|relaxed|aligned", NONE,    C,    select_arrive,     BARRIER});
  rows.add({"barrier.cluster.wait",   NO_TYPE, "acquire|aligned",         NONE,    C,    select_wait,       BARRIER});
  // clang-format on
}
#undef MOVE

}  // namespace sim::cluster_chapter
