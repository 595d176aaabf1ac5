// PTX ISA 9.7.9 Data Movement: generic addresses and the spaces they lie in.
#include "../machine/cluster.h"
#include "../machine/layout.h"
#include "../machine/windows.h"
#include "chapters.h"
#include "select.h"

namespace sim::address_chapter {
namespace {

// cvta.space d, a: the window's base is added; cvta.to.space takes it off again.
template <uint64_t BASE, bool TO>
void cvta(Warp& w, const Instr& in) {
  map<uint64_t, uint64_t>(w, in, [](uint64_t a) { return TO ? a - BASE : a + BASE; });
}
// A parameter of a call lives in local memory, and so does its address.
void cvta_param(Warp& w, const Instr& in) {
  map<uint64_t, uint64_t>(w, in, [](uint64_t a) {
    return a & FRAME_PARAM ? LOCAL_WINDOW + (a & (FRAME_PARAM - 1)) : a + PARAM_WINDOW;
  });
}
Handler select_cvta(Form& f) {
  if (f.type() != Type::u64) return nullptr;
  bool to = f.has("to");
  switch (space_of(f.op)) {
    case Space::global:
    case Space::constant: return cvta<0, false>;
    case Space::shared: return to ? cvta<SHARED_WINDOW, true> : cvta<SHARED_WINDOW, false>;
    case Space::local: return to ? cvta<LOCAL_WINDOW, true> : cvta<LOCAL_WINDOW, false>;
    case Space::param: return to ? cvta<PARAM_WINDOW, true> : cvta_param;
    default: return nullptr;
  }
}

template <Space SPACE_>
void isspacep(Warp& w, const Instr& in) {
  const uint64_t* a = w.op<uint64_t>(in, 1);
  uint32_t p = 0;
  for (unsigned l = 0; l < LANES; ++l) p |= uint32_t(space_of_generic(a[l]) == SPACE_) << l;
  write_pred(w, w.pred(in, 0), p);
}
// isspacep.shared[::cta] is the CTA's own part of the window, .shared::cluster that of every CTA of the cluster.
template <bool OWN>
void isspacep_shared(Warp& w, const Instr& in) {
  const uint64_t* a = w.op<uint64_t>(in, 1);
  uint64_t from = OWN ? w.cta->rank : 0, n = OWN ? 1 : w.cta->cluster->ctas.size();
  uint32_t p = 0;
  for (unsigned l = 0; l < LANES; ++l)
    p |= uint32_t(space_of_generic(a[l]) == Space::shared && ((a[l] - SHARED_WINDOW) >> 24) - from < n) << l;
  write_pred(w, w.pred(in, 0), p);
}
// isspacep.const: constant variables are allocations that kernels may not write
void isspacep_const(Warp& w, const Instr& in) {
  const uint64_t* a = w.op<uint64_t>(in, 1);
  uint32_t p = 0;
  for (uint32_t m = w.exec; m; m &= m - 1) {
    Window win;
    unsigned l = unsigned(__builtin_ctz(m));
    if (space_of_generic(a[l]) == Space::global && find_window(w, in, Space::global, a[l], 1, win) &&
        win.read_only)
      p |= 1u << l;
  }
  write_pred(w, w.pred(in, 0), p);
}
Handler select_isspacep(Form& f) {
  if (f.operand.size() != 2 || f.operand[1].bits != 64) return nullptr;
  switch (space_of(f.op)) {
    case Space::global: return isspacep<Space::global>;
    case Space::shared: return f.has("shared::cluster") ? isspacep_shared<false> : isspacep_shared<true>;
    case Space::local: return isspacep<Space::local>;
    case Space::param: return isspacep<Space::param>;
    case Space::constant: return isspacep_const;
    default: return nullptr;
  }
}

const char* SPACES = "to|global|const|shared|shared::cta|shared::cluster|local|param|param::entry";

}  // namespace

void add_rows(Rows& rows) {
  rows.add({"cvta", types({Type::u64}), SPACES, D_A, Scope::LANE, select_cvta,
            "#data-movement-and-conversion-instructions-cvta"});
  rows.add({"isspacep", NO_TYPE, SPACES, D_A, Scope::LANE, select_isspacep,
            "#data-movement-and-conversion-instructions-isspacep"});
}

}  // namespace sim::address_chapter
