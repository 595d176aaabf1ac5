#include "flow.h"

#include <algorithm>

namespace sim {

using ptx::Function;
using ptx::Instruction;
using ptx::Operand;
using ptx::ParseError;

namespace {

bool is(const Instruction& in, std::string_view name) { return in.op.tokens[0] == name; }

[[noreturn]] void unknown(const Instruction& in, const std::string& label) {
  throw ParseError("PTX line " + std::to_string(in.line) + ": expected a label of this function, found '" +
                   label + "'");
}

std::vector<uint32_t> branch_targets(const Function& f, const Instruction& in) {
  std::vector<uint32_t> out;
  auto add = [&](const std::string& name) {
    const size_t* at = f.label(in.scope, name);
    if (!at) unknown(in, name);
    out.push_back(uint32_t(*at));
  };
  if (is(in, "bra")) {
    if (in.operands.size() != 1) unknown(in, "");
    add(in.operands[0].name);
  } else if (is(in, "brx")) {
    const auto* list = in.operands.size() == 2 ? f.targets(in.scope, in.operands[1].name) : nullptr;
    if (!list) unknown(in, in.operands.size() == 2 ? in.operands[1].name : "");
    for (const std::string& name : *list) add(name);
  }
  return out;
}

// Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm", on the reversed graph from `sink`, over
// blocks with keep set.
void post_dominators(std::vector<Block>& blocks, uint32_t sink, const std::vector<bool>& keep) {
  size_t n = blocks.size();
  std::vector<std::vector<uint32_t>> before(n);
  for (uint32_t b = 0; b < n; ++b)
    if (keep[b] && b != sink)
      for (uint32_t s : blocks[b].next)
        if (keep[s]) before[s].push_back(b);
  std::vector<uint32_t> order;  // post order of the reversed graph
  std::vector<int> number(n, -1);
  std::vector<std::pair<uint32_t, size_t>> stack{{sink, 0}};
  std::vector<bool> seen(n);
  seen[sink] = true;
  while (!stack.empty()) {
    auto& [b, k] = stack.back();
    if (k < before[b].size()) {
      uint32_t p = before[b][k++];
      if (!seen[p]) seen[p] = true, stack.emplace_back(p, 0);
    } else {
      number[b] = int(order.size());
      order.push_back(b);
      stack.pop_back();
    }
  }
  std::vector<int> post(n, -1);
  post[sink] = int(sink);
  auto meet = [&](int a, int b) {
    while (a != b) {
      while (number[size_t(a)] < number[size_t(b)]) a = post[size_t(a)];
      while (number[size_t(b)] < number[size_t(a)]) b = post[size_t(b)];
    }
    return a;
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t k = order.size(); k-- > 0;) {
      uint32_t b = order[k];
      if (b == sink) continue;
      int p = -1;
      for (uint32_t s : blocks[b].next)
        if (keep[s] && post[s] >= 0) p = p < 0 ? int(s) : meet(p, int(s));
      if (p != post[b]) post[b] = p, changed = true;
    }
  }
  for (uint32_t b = 0; b < n; ++b)
    if (b != sink && keep[b]) blocks[b].post = post[b];
}

}  // namespace

Flow flow_of(const Function& f) {
  size_t n = f.body.size();
  std::vector<bool> leader(n + 1);
  leader[0] = true;
  for (const auto& scope : f.scopes)
    for (const auto& [name, at] : scope.labels) leader[at] = true;
  for (size_t i = 0; i < n; ++i) {
    const Instruction& in = f.body[i];
    if (is(in, "bra") || is(in, "brx") || is(in, "ret") || is(in, "exit") || is(in, "trap"))
      leader[i + 1] = true;
  }
  Flow flow;
  flow.block_of.resize(n);
  for (uint32_t i = 0; i < n; ++i) {
    if (leader[i]) flow.blocks.push_back({i, i, {}, -1, false});
    flow.block_of[i] = uint32_t(flow.blocks.size() - 1);
    flow.blocks.back().end = i + 1;
  }
  int last_ret = -1;
  auto to = [&](Block& b, uint32_t at) {
    if (at >= n) {
      b.exits = true;  // runs off the end: lower() puts a ret there
      return;
    }
    uint32_t s = flow.block_of[at];
    if (std::find(b.next.begin(), b.next.end(), s) == b.next.end()) b.next.push_back(s);
  };
  for (uint32_t k = 0; k < flow.blocks.size(); ++k) {
    Block& b = flow.blocks[k];
    const Instruction& in = f.body[b.end - 1];
    bool guarded = !in.guard.empty();
    for (uint32_t t : branch_targets(f, in)) to(b, t);
    bool jumps = is(in, "bra") || is(in, "brx"), ends = is(in, "ret") || is(in, "exit") || is(in, "trap");
    if (ends) b.exits = true;
    if (is(in, "ret") || (b.exits && !ends)) last_ret = int(k);
    if (guarded || (!jumps && !ends)) to(b, b.end);
    if (b.exits && !ends) last_ret = int(k);
  }
  if (last_ret < 0)
    for (uint32_t k = 0; k < flow.blocks.size(); ++k)
      if (flow.blocks[k].exits) last_ret = int(k);
  if (last_ret < 0) return flow;  // never ends: nowhere to meet but nothing needs it either
  // Lanes that leave early are taken out of the joins they owe, so only paths to the last ret count.
  std::vector<bool> reaches(flow.blocks.size());
  std::vector<std::vector<uint32_t>> before(flow.blocks.size());
  for (uint32_t k = 0; k < flow.blocks.size(); ++k)
    for (uint32_t s : flow.blocks[k].next) before[s].push_back(k);
  std::vector<uint32_t> work{uint32_t(last_ret)};
  reaches[size_t(last_ret)] = true;
  while (!work.empty()) {
    uint32_t b = work.back();
    work.pop_back();
    for (uint32_t p : before[b])
      if (!reaches[p]) reaches[p] = true, work.push_back(p);
  }
  post_dominators(flow.blocks, uint32_t(last_ret), reaches);
  return flow;
}

namespace {
void registers_of(const Operand& o, std::vector<uint32_t>& out) {
  if (o.kind == Operand::reg) out.push_back(uint32_t(o.value));
  for (const Operand& p : o.parts) registers_of(p, out);
}
}  // namespace

Touch touch_of(const Instruction& in, unsigned n_dst, bool updates) {
  Touch t;
  for (size_t k = 0; k < in.operands.size(); ++k)
    registers_of(in.operands[k], k < n_dst && in.operands[k].kind != Operand::address ? t.writes : t.reads);
  if (updates) t.reads.insert(t.reads.end(), t.writes.begin(), t.writes.end());
  if (in.guard_register >= 0) t.reads.push_back(uint32_t(in.guard_register)), t.keeps = true;
  return t;
}

std::vector<Interval> liveness(const Function& f, const Flow& flow, const std::vector<Touch>& touch) {
  size_t n_reg = f.registers.size(), n_block = flow.blocks.size(), words = (n_reg + 63) / 64;
  std::vector<uint64_t> gen(n_block * words), kill(n_block * words), in(n_block * words),
      out(n_block * words);
  auto bit = [&](std::vector<uint64_t>& v, size_t b, uint32_t r) -> uint64_t& {
    return v[b * words + r / 64];
  };
  for (size_t b = 0; b < n_block; ++b)
    for (uint32_t i = flow.blocks[b].begin; i < flow.blocks[b].end; ++i) {
      for (uint32_t r : touch[i].reads)
        if (!(bit(kill, b, r) >> (r % 64) & 1)) bit(gen, b, r) |= uint64_t(1) << (r % 64);
      if (!touch[i].keeps)
        for (uint32_t r : touch[i].writes) bit(kill, b, r) |= uint64_t(1) << (r % 64);
    }
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t b = n_block; b-- > 0;) {
      for (size_t w = 0; w < words; ++w) {
        uint64_t o = 0;
        for (uint32_t s : flow.blocks[b].next) o |= in[s * words + w];
        uint64_t i = gen[b * words + w] | (o & ~kill[b * words + w]);
        out[b * words + w] = o;
        if (i != in[b * words + w]) in[b * words + w] = i, changed = true;
      }
    }
  }
  std::vector<Interval> live(n_reg);
  auto extend = [&](uint32_t r, uint32_t at) {
    live[r].first = std::min(live[r].first, at);
    live[r].last = std::max(live[r].last, at);
  };
  for (size_t b = 0; b < n_block; ++b) {
    for (size_t w = 0; w < words; ++w)
      for (auto [set, at] : {std::pair{in[b * words + w], 2 * flow.blocks[b].begin},
                             {out[b * words + w], 2 * flow.blocks[b].end}})
        for (uint64_t m = set; m; m &= m - 1) extend(uint32_t(w * 64 + size_t(__builtin_ctzll(m))), at);
    for (uint32_t i = flow.blocks[b].begin; i < flow.blocks[b].end; ++i) {
      for (uint32_t r : touch[i].reads) extend(r, 2 * i);
      for (uint32_t r : touch[i].writes) {
        extend(r, 2 * i + 1);
        // two results, or lanes that keep theirs: the slot is taken from the read on
        if (touch[i].writes.size() > 1) extend(r, 2 * i);
      }
    }
  }
  return live;
}

}  // namespace sim
