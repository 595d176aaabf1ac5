#include "undefined.h"

#include "access.h"
#include "cluster.h"
#include "windows.h"

namespace sim {

void Undefined::add(Slot s, uint32_t lanes, const Origin& origin) {
  if (!lanes) return;
  auto [it, fresh] = of_.try_emplace(s.bits, Mark{lanes, origin});
  if (!fresh) it->second.lanes |= lanes;
}

void Undefined::remove(Slot s, uint32_t lanes) {
  auto it = of_.find(s.bits);
  if (it != of_.end() && !(it->second.lanes &= ~lanes)) of_.erase(it);
}

constexpr uint64_t WIDEST = 16;  // bytes that one register stores

void UndefinedBytes::remove(uint64_t place, uint32_t bytes) {
  for (auto it = from_.lower_bound(place - std::min(place, WIDEST)); it != from_.end() && it->first < place + bytes;) {
    const auto [first, entry] = *it;
    const uint64_t end = first + entry.first;
    if (end <= place) {
      ++it;
      continue;
    }
    it = from_.erase(it);
    if (first < place) from_[first] = {uint32_t(place - first), entry.second};
    if (end > place + bytes) from_[place + bytes] = {uint32_t(end - place - bytes), entry.second};
  }
}

const Origin* UndefinedBytes::find(uint64_t place) const {
  for (auto it = from_.upper_bound(place); it != from_.begin() && place - (--it)->first < WIDEST;)
    if (place - it->first < it->second.first) return &it->second.second;
  return nullptr;
}

uint64_t UndefinedBytes::place(const Warp& w, unsigned lane, Space space, uint64_t address) {
  if (space == Space::shared) return address;  // of 32 bits
  return uint64_t(1) << 63 | uint64_t(w.cta->rank) << 44 | uint64_t(w.index * LANES + lane) << 32 | address;
}

void undefined_result(Warp& w, const Instr& in, unsigned lane, unsigned k, const std::string& what,
                      const std::string& race) {
  Undefined& u = w.state->undefined;
  if (!u.careful) throw Undefined::Found{&in};
  u.add(in.more[k], 1u << lane,
        {in.info->text->op.text + " at PTX line " + std::to_string(in.info->text->line) + ": read of " + what, race});
}

namespace {

// What of an instruction matters here.
struct Parts {
  unsigned destinations = 0;  // leading flat operands
  unsigned operands = 0;
};
Parts parts_of(const Instr& in) {
  const InstrInfo& i = *in.info;
  if (!i.row) return {0, 0};
  Parts p{0, unsigned(i.operands.size())};
  while (p.destinations < p.operands && i.operands[p.destinations].written < i.row->operands.dst) ++p.destinations;
  return p;
}

[[noreturn]] void used(Warp& w, const Instr& in, uint32_t lanes, Slot s, const std::string& how) {
  const Origin& o = w.state->undefined.origin(s);
  trap(w, in, unsigned(__builtin_ctz(lanes)), o.cause(), o.before() + "undefined value " + how + ": " + o.read);
}

// Undefined lanes of a flat operand among those that are on.
uint32_t of(Warp& w, const Instr& in, unsigned k, uint32_t on) {
  const Flat& f = in.info->operands[k];
  return f.kind == Flat::reg || f.kind == Flat::pred ? w.state->undefined.lanes(in.more[k]) & on : 0;
}

void stored(Warp& w, const Instr& in, uint32_t on) {
  const InstrInfo& i = *in.info;
  const Flat& base = i.operands[0];
  const Space space = space_of(i.text->op);
  uint32_t bytes = ptx::bits_of(i.text->op.type()) / 8;
  uint64_t a[LANES];
  w.exec = on;
  addresses(w, in, 0, 0, (base.kind == Flat::imm ? base.imm_bits : base.bits) == 64, a);
  for (unsigned k = 1; k < i.operands.size(); ++k)
    for (uint32_t m = of(w, in, k, on); m; m &= m - 1) {
      unsigned l = unsigned(__builtin_ctz(m));
      stored_undefined(w, in, l, in.more[k], space, a[l] + (k - 1) * uint64_t(bytes), bytes);
    }
}

void step(WarpState& s, const Instr& in) {
  Warp& w = s.w;
  Undefined& u = s.undefined;
  const InstrInfo& i = *in.info;
  const uint32_t path = w.exec;
  uint32_t on = path;
  if (!i.row) {  // the machine's own: the negation of a predicate, a special register, a join
    uint32_t from = in.op[1].bits ? u.lanes(in.op[1]) & on : 0;
    const Origin origin = from ? u.origin(in.op[1]) : Origin{};
    in.fn(w, in);
    if (in.op[0].bits) u.remove(in.op[0], on), u.add(in.op[0], from, origin);
    return;
  }
  const std::string& name = i.text->op.tokens[0];
  uint32_t unsure = 0;  // lanes whose guard is undefined
  if (i.text->guard_register >= 0) {
    unsure = u.lanes(i.guard) & on;
    uint32_t p = *w.slot<uint32_t>(i.guard);
    if (unsure && i.row->scope != Scope::LANE) used(w, in, unsure, i.guard, "decides whether this is done");
    if (unsure && name == "st") used(w, in, unsure, i.guard, "decides a store");
    on &= i.guard_negated ? ~p : p;
  }
  const Parts p = parts_of(in);
  uint32_t result = unsure;
  Origin origin = unsure ? u.origin(i.guard) : Origin{};
  const bool across = i.row->scope == Scope::WARP;  // what crosses lanes is taken for defined
  for (unsigned k = p.destinations; k < p.operands; ++k) {
    uint32_t m = of(w, in, k, on);
    if (!m) continue;
    if (i.operands[k].address) used(w, in, m, in.more[k], "used as an address");
    if (i.row->scope == Scope::CONTROL) used(w, in, m, in.more[k], "decides where to go on");
    if (name == "selp" && k + 1 < p.operands) {  // only the value that is chosen
      uint32_t chosen = w.pred(in, 3);
      m &= k == 1 ? chosen : ~chosen;
      if (!m) continue;
    }
    if (origin.read.empty()) origin = u.origin(in.more[k]);
    if (!across) result |= m;
  }
  if (name == "atom" || name == "red")
    for (unsigned k = p.destinations; k < p.operands; ++k)
      if (uint32_t m = of(w, in, k, on)) used(w, in, m, in.more[k], "goes into an atomic operation");
  const bool store = name == "st" && result && on;
  for (unsigned k = 0; k < p.destinations; ++k) u.remove(in.more[k], across ? ALL : on);
  in.fn(w, in);
  if (store) {
    stored(w, in, on);
    w.exec = path;
  }
  if (p.destinations && result)
    for (unsigned k = 0; k < p.destinations; ++k)
      if (i.operands[k].kind != Flat::sink) u.add(in.more[k], result & (on | unsure), origin);
}

}  // namespace

void stored_undefined(Warp& w, const Instr& in, unsigned lane, Slot from, Space space, uint64_t address,
                      unsigned bytes) {
  to_own_space(space, address);
  if (space == Space::global) used(w, in, 1u << lane, from, "stored to global memory");
  if (!w.cta->launch->config.check_uninitialised)  // where reads of such bytes are not looked for, the store is the use
    used(w, in, 1u << lane, from, std::string("stored to ") + ptx::name_of(space) + " memory");
  undefine(w, in, space, lane, address, bytes, w.state->undefined.origin(from));
}

void run_carefully(WarpState& s, const Instr* from, const Instr* to) {
  s.undefined.careful = true;
  for (; from != to; ++from) step(s, *from);
  s.undefined.careful = false;
}

}  // namespace sim
