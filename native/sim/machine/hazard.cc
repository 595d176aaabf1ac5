#include "hazard.h"

#include <algorithm>
#include <map>

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
    if (is_load(f.body[i]) || is_wgmma(f.body[i]))
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
          for (uint32_t k : of)
            if (is_load(f.body[k])) add(list, {k});
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
      auto look = [&](uint32_t r, bool writes) {
        auto it = producers.find(r);
        if (it == producers.end()) return;
        for (uint32_t k : it->second)
          if (is_load(f.body[k]) ? !waited && !writes && !is_copy(in) : !is_wgmma(in)) add(out[i], {k});
      };
      for (uint32_t r : touch[i].reads) look(r, false);
      for (uint32_t r : touch[i].writes) look(r, true);
    }
  }
  return out;
}

void uses_late_result(Warp& w, const Instr& in) {
  const InstrInfo& info = *in.info;
  auto& late = w.state->late;
  for (size_t k = 0; k < late.size();) {
    const LateResult r = late[k];
    if (std::find(info.late.begin(), info.late.end(), r.by) == info.late.end()) {
      ++k;
      continue;
    }
    if (is_wgmma(*r.by->info->text))
      trap(w, in, unsigned(__builtin_ctz(w.exec)), Trap::race,
           info.text->op.text + " touches a register that " + r.by->info->text->op.text + " at PTX line " +
               std::to_string(r.by->info->text->line) + " still works on: missing wgmma.wait_group between them");
    w.cta->cluster->order.know(w, r.done);
    late.erase(late.begin() + std::ptrdiff_t(k));
  }
  info.behind_late(w, in);
}

void late_result(Warp& w, const Instr& in, Event done, uint64_t group) {
  auto& late = w.state->late;
  for (LateResult& r : late)
    if (r.by == &in) {
      r.done = done, r.group = group;
      return;
    }
  late.push_back({&in, done, group});
}
void waited_for_loads(Warp& w) {
  std::erase_if(w.state->late, [](const LateResult& r) { return is_load(*r.by->info->text); });
}
void waited_for_groups(Warp& w, uint64_t below) {
  std::erase_if(w.state->late,
                [&](const LateResult& r) { return !is_load(*r.by->info->text) && r.group < below; });
}

}  // namespace sim
