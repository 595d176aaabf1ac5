#include "hazard.h"

#include <algorithm>
#include <map>
#include <set>

#include "cluster.h"
#include "flow.h"
#include "program.h"

namespace sim {

namespace {

bool starts(const ptx::Instruction& in, const char* first, const char* second) {
  return in.op.tokens.size() > 1 && in.op.tokens[0] == first && in.op.tokens[1] == second;
}
bool is_load(const ptx::Instruction& in) { return starts(in, "tcgen05", "ld"); }
bool is_wgmma(const ptx::Instruction& in) { return starts(in, "wgmma", "mma_async"); }
bool is_copy(const ptx::Instruction& in) { return in.op.tokens[0] == "mov"; }

void add(std::vector<uint32_t>& to, const std::vector<uint32_t>& more) {
  for (uint32_t k : more)
    if (std::find(to.begin(), to.end(), k) == to.end()) to.push_back(k);
}

}  // namespace

std::vector<std::vector<uint32_t>> late_uses(const ptx::Function& f, const Flow& flow,
                                             const std::vector<Touch>& touch) {
  std::vector<std::vector<uint32_t>> out(f.body.size());
  std::map<uint32_t, std::vector<uint32_t>> producers;  // by register
  for (uint32_t i = 0; i < f.body.size(); ++i)
    if (is_load(f.body[i]))
      for (uint32_t r : touch[i].writes) add(producers[r], {i});
  if (producers.empty()) return out;
  // a copy of a loaded value is that value
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t i = 0; i < f.body.size(); ++i) {
      if (!is_copy(f.body[i])) continue;
      for (uint32_t from : touch[i].reads) {
        auto it = producers.find(from);
        if (it == producers.end()) continue;
        const std::vector<uint32_t> of = it->second;
        for (uint32_t to : touch[i].writes) {
          auto& list = producers[to];
          const size_t before = list.size();
          add(list, of);
          changed |= list.size() != before;
        }
      }
    }
  }
  for (const Block& b : flow.blocks) {
    bool waited = false;  // in this block, with no load since: nothing is late
    for (uint32_t i = b.begin; i < b.end; ++i) {
      const ptx::Instruction& in = f.body[i];
      if (starts(in, "tcgen05", "wait::ld") && in.guard.empty()) waited = true;
      if (is_load(in)) waited = false;
      if (waited || is_copy(in)) continue;
      for (uint32_t r : touch[i].reads)
        if (auto it = producers.find(r); it != producers.end()) add(out[i], it->second);
    }
  }
  return out;
}

std::vector<std::unique_ptr<WarpgroupRegisters>> warpgroup_uses(const ptx::Function& f, const std::vector<Touch>& touch,
                                                                uint32_t& n) {
  std::vector<std::unique_ptr<WarpgroupRegisters>> out(f.body.size());
  std::map<uint32_t, uint32_t> number;  // of a register
  std::set<uint32_t> accumulators;      // and copies of them
  auto of = [&](uint32_t r) { return number.try_emplace(r, n).second ? n++ : number[r]; };
  for (uint32_t i = 0; i < f.body.size(); ++i) {
    if (!is_wgmma(f.body[i])) continue;
    out[i] = std::make_unique<WarpgroupRegisters>();
    for (uint32_t r : touch[i].writes) accumulators.insert(r), out[i]->writes.push_back(of(r));
    for (const ptx::Operand& a : f.body[i].operands.at(1).parts)  // none for a descriptor
      if (a.kind == ptx::Operand::reg) out[i]->reads.push_back(of(uint32_t(a.value)));
  }
  if (number.empty()) return out;
  auto copies = [&](uint32_t i) {  // registers, not a constant
    return is_copy(f.body[i]) && (f.body[i].operands[1].kind == ptx::Operand::reg || !f.body[i].operands[1].parts.empty());
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t i = 0; i < f.body.size(); ++i)
      if (copies(i) && std::any_of(touch[i].reads.begin(), touch[i].reads.end(),
                                   [&](uint32_t r) { return accumulators.count(r); }))
        for (uint32_t to : touch[i].writes) changed |= accumulators.insert(to).second, of(to);
  }
  for (uint32_t i = 0; i < f.body.size(); ++i) {
    if (out[i]) continue;
    WarpgroupRegisters u;
    u.copies = copies(i);
    for (uint32_t r : touch[i].reads)
      if (accumulators.count(r)) u.reads.push_back(number[r]);
    for (uint32_t r : touch[i].writes)
      if (number.count(r)) u.writes.push_back(number[r]);
    if (!u.reads.empty() || !u.writes.empty()) out[i] = std::make_unique<WarpgroupRegisters>(std::move(u));
  }
  return out;
}

namespace {

[[noreturn]] void touched_early(Warp& w, const Instr& in, const char* does, const LateRegisters::Use& u, const char* still) {
  trap(w, in, unsigned(__builtin_ctz(w.exec)), Trap::race,
       in.info->text->op.text + " " + does + " a register that " + u.by->info->text->op.text + " at PTX line " +
           std::to_string(u.by->info->text->line) + " still " + still + ": missing wgmma.wait_group between the two");
}

void touches_warpgroup_registers(Warp& w, const Instr& in, const WarpgroupRegisters& of) {
  const InstrInfo& info = *in.info;
  if (info.text->guard_register >= 0) {
    const uint32_t p = *w.slot<uint32_t>(info.guard);
    if (!(w.exec & (info.guard_negated ? ~p : p))) return;
  }
  LateRegisters& late = w.state->late_registers;
  if (of.copies) {
    LateRegisters::Use last;
    for (uint32_t r : of.reads)
      if (late.written(r).group > last.group) last = late.written(r);
    for (uint32_t r : of.writes) late.written(r) = last;
    return;
  }
  for (uint32_t r : of.reads)
    if (late.late(late.written(r))) touched_early(w, in, "reads", late.written(r), "adds to");
  for (uint32_t r : of.writes) {
    if (late.late(late.read(r))) touched_early(w, in, "writes", late.read(r), "reads as A");
    if (!is_wgmma(*info.text) && late.late(late.written(r))) touched_early(w, in, "writes", late.written(r), "adds to");
  }
}

}  // namespace

void uses_late_result(Warp& w, const Instr& in) {
  const InstrInfo& info = *in.info;
  std::erase_if(w.state->late, [&](const LateResult& r) {
    if (std::find(info.late.begin(), info.late.end(), r.by) == info.late.end()) return false;
    w.cta->cluster->order.know(w, r.done);
    return true;
  });
  if (info.warpgroup) touches_warpgroup_registers(w, in, *info.warpgroup);
  info.behind_late(w, in);
}

void late_result(Warp& w, const Instr& in, Event done) {
  auto& late = w.state->late;
  for (LateResult& r : late)
    if (r.by == &in) {
      r.done = done;
      return;
    }
  late.push_back({&in, done});
}
void waited_for_loads(Warp& w) { w.state->late.clear(); }

void late_registers(Warp& w, const Instr& in, uint64_t group) {
  LateRegisters& late = w.state->late_registers;
  for (uint32_t r : in.info->warpgroup->writes) late.written(r) = {group, &in};
  for (uint32_t r : in.info->warpgroup->reads) late.read(r) = {group, &in};
}
void waited_for_groups(Warp& w, uint64_t groups) { w.state->late_registers.waited_for(groups); }

}  // namespace sim
