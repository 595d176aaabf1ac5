// PTX ISA 9.7.18 stack manipulation: alloca, stacksave, stackrestore. A thread's stack lies in its local memory behind the
// variables that have names, and grows upwards; what a function took is free again when it returns.
#include "../machine/access.h"
#include "../machine/paths.h"
#include "arith.h"
#include "chapters.h"
#include "select.h"

namespace sim::stack_chapter {
namespace {

// d = address in .local of `size` fresh bytes. Instr::aux: their alignment
template <class T>
void alloca_(Warp& w, const Instr& in) {
  T* d = w.op<T>(in, 0);
  const T* size = w.op<T>(in, 1);
  const uint64_t end = w.state->program->local_bytes;
  for (uint32_t m = w.exec; m; m &= m - 1) {
    const unsigned lane = unsigned(__builtin_ctz(m));
    uint32_t& top = w.state->stack[lane];
    const uint64_t at = (top + in.aux - 1) / in.aux * in.aux;
    if (at > end || size[lane] > end - at)
      trap(w, in, lane, Trap::illegal_address,
           "alloca expects that its bytes fit into the stack of " + std::to_string(STACK_BYTES) + " bytes, found " +
               std::to_string(size[lane]) + " asked for with " + std::to_string(top - w.state->program->stack_base) + " in use");
    top = uint32_t(at + size[lane]);
    unwrite(w, in, Space::local, lane, at, unsigned(size[lane]));
    d[lane] = T(at);
  }
}
template <class T>
void save(Warp& w, const Instr& in) {
  T d[LANES];
  SIM_EACH_LANE(l) d[l] = w.state->stack[l];
  blend(w.op<T>(in, 0), d, w.exec);
}
template <class T>
void restore(Warp& w, const Instr& in) {
  const T* a = w.op<T>(in, 0);
  for (uint32_t m = w.exec; m; m &= m - 1) {
    const unsigned lane = unsigned(__builtin_ctz(m));
    uint32_t& top = w.state->stack[lane];
    if (a[lane] < w.state->program->stack_base || a[lane] > top)
      trap(w, in, lane,
           "stackrestore expects what a stacksave of this thread gave, found " + std::to_string(a[lane]) + " with the stack at " +
               std::to_string(top));
    top = uint32_t(a[lane]);
  }
}

bool wide(const Form& f) { return f.type() == Type::u64; }
Handler select_alloca(Form& f) {
  f.aux = 8;
  if (f.operand.size() == 3) {
    if (f.operand[2].kind != Flat::imm) return nullptr;
    f.aux = f.operand[2].value;
  }
  if (f.aux == 0 || f.aux > 128 || f.aux & (f.aux - 1)) return nullptr;
  return wide(f) ? alloca_<uint64_t> : alloca_<uint32_t>;
}
Handler select_save(Form& f) { return wide(f) ? save<uint64_t> : save<uint32_t>; }
Handler select_restore(Form& f) { return wide(f) ? restore<uint64_t> : restore<uint32_t>; }

}  // namespace

#define PTX(name) "#stack-manipulation-instructions-" name
void add_rows(Rows& rows) {
  constexpr TypeSet U = types({Type::u32, Type::u64});
  // clang-format off
  //        name            types modifiers operands          scope        select          anchor
  rows.add({"alloca",       U,    "",       Pattern{2, 3},    Scope::LANE, select_alloca,  PTX("alloca")});
  rows.add({"stacksave",    U,    "",       D,                Scope::LANE, select_save,    PTX("stacksave")});
  rows.add({"stackrestore", U,    "",       Pattern{1, 1, 0}, Scope::LANE, select_restore, PTX("stackrestore")});
  // clang-format on
}
#undef PTX

}  // namespace sim::stack_chapter
