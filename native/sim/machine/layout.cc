#include "layout.h"

#include "warp.h"

#include <algorithm>

namespace sim {

using ptx::Function;
using ptx::Operand;
using ptx::Space;
using ptx::Variable;

namespace {
void names(const Operand& o, std::set<std::string, std::less<>>& out) {
  if (o.kind == Operand::symbol) out.insert(o.name);
  for (const Operand& p : o.parts) names(p, out);
}
}  // namespace

Layout::Layout(const ptx::Module& module, const Function& kernel) : module_(module) {
  reach(kernel);
  uint64_t at = 0;
  for (const Variable& v : kernel.params) {
    at = round_up(at, v.align);
    params_[&v] = uint32_t(at);
    param_offsets.push_back(uint32_t(at));
    at += v.bytes;
  }
  param_bytes = uint32_t(at);
  // Local memory: no recursion, so every function has its place for good.
  uint64_t local = 0;
  auto place = [&](const Variable& v) {
    local = round_up(local, std::max(v.align, 8u));
    local_[&v] = uint32_t(local);
    local += v.bytes;
    if (local > (512u << 10))
      throw ptx::ParseError("PTX line " + std::to_string(v.line) +
                            ": expected at most 512 KB of local memory a thread, found " + v.name +
                            " beyond it");
  };
  // Shared memory: what the kernel mentions, fixed sizes first, then extern arrays, all at one address.
  uint64_t shared = SHARED_RESERVED;
  std::vector<const Variable*> dynamic;
  auto share = [&](const Variable& v) {
    if (v.bytes == 0) {
      dynamic.push_back(&v);
      return;
    }
    shared = round_up(shared, v.align);
    shared_[&v] = uint32_t(shared);
    shared += v.bytes;
  };
  for (const Function* f : functions) {
    if (!f->entry)
      for (auto* list : {&f->params, &f->returns})
        for (const Variable& v : *list) place(v);
    for (const auto& scope : f->scopes)
      for (const auto& [name, v] : scope.vars) {
        if (v.space == Space::shared)
          share(v);
        else
          place(v);
      }
  }
  for (const Variable& v : module.globals)
    if (v.space == Space::shared && symbols_.count(v.name)) share(v);
  static_shared = uint32_t(shared - SHARED_RESERVED);
  uint32_t align = 16;
  for (const Variable* v : dynamic) align = std::max(align, v->align);
  if (!dynamic.empty()) {
    uint32_t start = round_up(shared, align);
    static_shared = start - SHARED_RESERVED;
    for (const Variable* v : dynamic) shared_[v] = start;
  }
  local_bytes = stack_base = round_up(local, 16);
  for (const Function* f : functions)
    for (const auto& in : f->body)
      if (in.op.tokens[0] == "alloca") local_bytes = stack_base + STACK_BYTES;
}

void Layout::reach(const Function& f) {
  if (!seen_.insert(&f).second) return;
  functions.push_back(&f);
  std::set<std::string, std::less<>> mine;
  for (const auto& in : f.body)
    for (const Operand& o : in.operands) names(o, mine);
  symbols_.insert(mine.begin(), mine.end());
  for (const std::string& name : mine)
    if (const Function* g = module_.function(name); g && g->defined && !g->entry) reach(*g);
}

uint64_t Layout::kernel_param(const Variable* v) const {
  auto it = params_.find(v);
  return it == params_.end() ? ~uint64_t(0) : it->second;
}

const Variable* Layout::module_shared(std::string_view name) const {
  for (const Variable& v : module_.globals)
    if (v.space == Space::shared && v.name == name) return shared_.count(&v) ? &v : nullptr;
  return nullptr;
}

void Slots::begin() { sink_ = Slot{take(16 * LANES)}; }

uint32_t Slots::take(unsigned bytes) {
  uint32_t at = bytes_;
  if (bytes >= 64) at = round_up(at, 64);
  bytes_ = at + bytes;
  return at;
}

Slot Slots::permanent(unsigned bits) {
  return Slot{take(bits == 1 ? 4 : bits <= 32 ? 4 * LANES : bits / 8 * LANES)};
}

Slot Slots::temporary(unsigned k) {
  while (temporaries_.size() <= k) temporaries_.push_back(permanent(64));
  return temporaries_[k];
}

void Slots::assign(const Function& f, const std::vector<Interval>& live) {
  struct Event {
    uint32_t first, reg;
  };
  std::vector<Event> order;
  for (uint32_t r = 0; r < live.size(); ++r)
    if (live[r].used()) order.push_back({live[r].first, r});
  std::sort(order.begin(), order.end(), [](const Event& a, const Event& b) {
    return a.first < b.first || (a.first == b.first && a.reg < b.reg);
  });
  slots_.assign(f.registers.size(), sink_);
  std::map<unsigned, std::vector<Slot>> free_slots;
  struct Busy {
    uint32_t last;
    unsigned bits;
    Slot slot;
    bool operator<(const Busy& o) const { return last > o.last; }
  };
  std::vector<Busy> busy;  // heap, earliest end on top
  uint32_t words = 0;
  for (const Event& e : order) {
    while (!busy.empty() && busy.front().last < e.first) {
      std::pop_heap(busy.begin(), busy.end());
      free_slots[busy.back().bits].push_back(busy.back().slot);
      words -= busy.back().bits / 32;
      busy.pop_back();
    }
    unsigned bits = ptx::bits_of(f.registers[e.reg]);
    if (bits > 1) bits = std::max(bits, 32u);
    auto& pool = free_slots[bits];
    Slot s;
    if (pool.empty())
      s = permanent(bits);
    else
      s = pool.back(), pool.pop_back();
    slots_[e.reg] = s;
    busy.push_back({live[e.reg].last, bits, s});
    std::push_heap(busy.begin(), busy.end());
    words += bits / 32;
    peak_ = std::max(peak_, words);
  }
}

}  // namespace sim
