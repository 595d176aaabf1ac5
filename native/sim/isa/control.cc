// PTX ISA 9.7.12 Control Flow Instructions, and 9.7.19.. trap, brkpt, nanosleep: what moves a path of lanes.
#include <cstring>

#include "../machine/cluster.h"
#include "../machine/access.h"
#include "../machine/cluster.h"
#include "chapters.h"
#include "printf.h"

namespace sim::control_chapter {
namespace {

template <Handler FN>
Handler moves(Form& f) {  // changes where lanes go on
  f.may_block = true;
  return FN;
}
template <Handler FN>
Handler plain(Form&) {
  return FN;
}

// Under @p the guard's lanes are in exec; the others fall through.
void bra(Warp& w, const Instr& in) { w.state->split(w.exec, in.info->target, in.info->join); }

void brx_idx(Warp& w, const Instr& in) {
  const uint32_t* index = w.op<uint32_t>(in, 0);
  const auto& targets = in.info->targets;
  std::vector<std::pair<const Instr*, uint32_t>> groups;  // where to, who
  auto add = [&](const Instr* to, unsigned lane) {
    for (auto& [target, lanes] : groups)
      if (target == to) return void(lanes |= 1u << lane);
    groups.emplace_back(to, 1u << lane);
  };
  for (uint32_t m = w.state->path().mask; m; m &= m - 1) {
    unsigned lane = unsigned(__builtin_ctz(m));
    if (!(w.exec >> lane & 1)) {
      add(w.next, lane);
      continue;
    }
    if (index[lane] >= targets.size())
      trap(w, in, lane,
           "brx.idx expects an index below " + std::to_string(targets.size()) + ", found " +
               std::to_string(index[lane]));
    add(targets[index[lane]], lane);
  }
  w.state->fan(groups, in.info->join);
}

void exit(Warp& w, const Instr& in) {
  Order& order = w.cta->cluster->order;
  w.state->exit(w.exec);
  if (w.state->done()) order.exit(w);
  if (w.cta->done()) order.cta_exit(w, in);
  w.cta->exited();
}

// ---- calls: arguments and results are bytes of the caller's and the callee's frames in local memory
void move_frame(Warp& w, const std::vector<CallSite::Move>& moves) {
  uint8_t *local = w.state->local.data(), *shadow = w.state->local_shadow.data();
  for (const CallSite::Move& m : moves)
    for (uint32_t k = 0; k < m.bytes; k += 4) {  // both ends are 8-byte aligned and interleaved by words
      uint32_t from = (m.from + k) / 4 * LANES, to = (m.to + k) / 4 * LANES;
      for (uint32_t l = w.exec; l; l &= l - 1) {
        uint32_t lane = uint32_t(__builtin_ctz(l)), a = from + lane, b = to + lane;
        std::memcpy(local + 4 * b, local + 4 * a, 4);
        uint8_t bits = (shadow[a / 2] >> (a % 2 * 4)) & 15;
        shadow[b / 2] = uint8_t((shadow[b / 2] & (0xf0 >> (b % 2 * 4))) | bits << (b % 2 * 4));
      }
    }
}

void call(Warp& w, const Instr& in) {
  WarpState& s = *w.state;
  const CallSite* site = in.info->call;
  s.leave_behind(w.exec, w.next);  // a guarded call: lanes that are off go on without it
  move_frame(w, site->arguments);
  Path& p = s.path();
  p.frame = std::make_shared<Frame>(Frame{site, w.next, p.frame, s.stack});
  w.next = site->entry;
}

void ret(Warp& w, const Instr&) {
  WarpState& s = *w.state;
  s.leave_behind(w.exec, w.next);
  Path& leaving = s.path();
  std::shared_ptr<Frame> frame = leaving.frame;
  move_frame(w, frame->site->results);
  for (uint32_t m = w.exec; m; m &= m - 1) s.stack[unsigned(__builtin_ctz(m))] = frame->stack[unsigned(__builtin_ctz(m))];
  w.next = frame->back;
  leaving.frame = frame->parent;
}

void through_register(Warp& w, const Instr& in) {
  trap(w, in, "calls through a register have no semantics here");
}
void undefined_function(Warp& w, const Instr& in) {
  trap(w, in, "function " + in.info->call->callee->name + " is declared but not defined in this module");
}

std::string text_at(Warp& w, const Instr& in, unsigned lane, uint64_t address) {
  std::string s;
  for (char c = 1; s.size() < 400;) {
    load(w, in, lane, Space::generic, address++, 1, &c);
    if (!c) break;
    s += c;
  }
  return s;
}

// void __assertfail(const char* message, const char* file, unsigned line, const char* function, size_t
// char_size)
void assert_fail(Warp& w, const Instr& in) {
  unsigned lane = unsigned(__builtin_ctz(w.exec));
  const auto& a = in.info->call->arguments;
  uint64_t v[4] = {};
  for (size_t k = 0; k < 4 && k < a.size(); ++k)
    load(w, in, lane, Space::local, a[k].from, a[k].bytes, &v[k]);
  trap(w, in, lane, Trap::assertion,
       "assertion '" + text_at(w, in, lane, v[0]) + "' failed in " + text_at(w, in, lane, v[3]) + " at " +
           text_at(w, in, lane, v[1]) + ":" + std::to_string(uint32_t(v[2])));
}

// The machine links the callee after it chose the row.
void any_call(Warp& w, const Instr& in) {
  const CallSite* site = in.info->call;
  if (!site)
    through_register(w, in);
  else if (site->callee->defined)
    call(w, in);
  else if (site->callee->name == "__assertfail")
    assert_fail(w, in);
  else if (site->callee->name == "vprintf")
    device_printf(w, in);
  else
    undefined_function(w, in);
}
Handler select_ret(Form& f) { return f.entry ? moves<exit>(f) : moves<ret>(f); }

void trap_executed(Warp& w, const Instr& in) {
  trap(w, in, unsigned(__builtin_ctz(w.exec)), Trap::trapped, "the kernel executed trap");
}
void nothing(Warp&, const Instr&) {}

// A thread that sleeps gives the others their turn.
void nanosleep(Warp& w, const Instr&) { yield(w); }

// Registers have no number here, so a warp that asks for more always gets them. On an SM .inc blocks until the
// CTA's pool has them: a CTA that asks for more than an SM has would wait for ever.
void setmaxnreg(Warp& w, const Instr& in) {
  constexpr uint64_t OF_AN_SM = 65536;
  Cta& c = *w.cta;
  c.asked_registers[w.index] = uint16_t(in.aux);
  uint64_t all = 0;
  for (uint16_t n : c.asked_registers) all += uint64_t(n) * LANES;
  if (all > OF_AN_SM)
    c.launch->lint(in.info->text->op.text + " at PTX line " + std::to_string(in.info->text->line) + ": the warps of a CTA ask for " +
                   std::to_string(all) + " registers, and an SM has 65536");
}
void bad_count(Warp& w, const Instr& in) {
  trap(w, in, "setmaxnreg takes a multiple of 8 from 24 to 256, found " + std::to_string(in.aux));
}
Handler select_setmaxnreg(Form& f) {
  if (f.operand[0].kind != Flat::imm || f.has("inc") == f.has("dec")) return nullptr;
  f.aux = f.operand[0].value;
  return f.aux % 8 || f.aux < 24 || f.aux > 256 ? bad_count : setmaxnreg;
}

constexpr Pattern NONE{0, 0, 0}, ONE{1, 1, 0}, TWO{2, 2, 0};

}  // namespace

void add_rows(Rows& rows) {
  constexpr Scope C = Scope::CONTROL, L = Scope::LANE;
  const TypeSet u32 = types({Type::u32});
  // clang-format off
  //        name         types    modifiers  operands          scope  select                anchor
  rows.add({"bra",       NO_TYPE, "uni",     ONE,              C,     moves<bra>,           "#control-flow-instructions-bra"});
  rows.add({"brx.idx",   NO_TYPE, "uni",     TWO,              C,     moves<brx_idx>,       "#control-flow-instructions-brx-idx"});
  rows.add({"call",      NO_TYPE, "uni",     Pattern{1, 4, 0}, C,     moves<any_call>,      "#control-flow-instructions-call"});
  rows.add({"ret",       NO_TYPE, "uni",     NONE,             C,     select_ret,           "#control-flow-instructions-ret"});
  rows.add({"exit",      NO_TYPE, "",        NONE,             C,     moves<exit>,          "#control-flow-instructions-exit"});
  rows.add({"trap",      NO_TYPE, "",        NONE,             L,     plain<trap_executed>, "#miscellaneous-instructions-trap"});
  rows.add({"nanosleep", u32,     "",        ONE,              L,     moves<nanosleep>,     "#miscellaneous-instructions-nanosleep"});
  rows.add({"setmaxnreg", u32, "inc|dec|sync|aligned", ONE,    L,     select_setmaxnreg,    "#miscellaneous-instructions-setmaxnreg"});
  // A hint to a profiler.
  rows.add({"pmevent",   NO_TYPE, "mask",    ONE,              L,     plain<nothing>,       "#miscellaneous-instructions-pmevent"});
  // Grids run one after the other, so what a grid depends on has ended.
  rows.add({"griddepcontrol", NO_TYPE, "wait|launch_dependents", NONE, L, plain<nothing>,
            "#parallel-synchronization-and-communication-instructions-griddepcontrol"});
  // clang-format on
}

}  // namespace sim::control_chapter
