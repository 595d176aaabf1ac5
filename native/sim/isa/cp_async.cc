// PTX ISA 9.7.9.25 Non-bulk asynchronous copy. A copy is carried out as late as the program allows: when its
// lane waits for its group. So shared memory read too early shows the bytes of before (or that nobody wrote
// them), as it may on hardware.
#include "cp_async.h"

#include <algorithm>
#include <vector>

#include "../machine/access.h"
#include "../machine/cluster.h"
#include "chapters.h"
#include "select.h"

namespace sim {

struct AsyncCopies {
  struct Copy {
    const Instr* by;  // a fault at completion is this instruction's
    uint64_t to, from;
    uint32_t group;                   // of its lane
    uint8_t lane, bytes, take, wide;  // `take` bytes come from the source, the rest are zero
  };
  std::vector<Copy> pending;       // in order of issue
  uint32_t committed[LANES] = {};  // groups each lane has closed
};

namespace {

AsyncCopies& copies_of(Warp& w) {
  if (!w.copies) w.copies = std::make_shared<AsyncCopies>();
  return *w.copies;
}

void carry_out(Warp& w, const AsyncCopies::Copy& c) {
  uint8_t bytes[16] = {};
  if (c.take)
    std::memcpy(bytes, resolve(w, *c.by, c.lane, Space::global, c.from, c.take, 1, Access::read), c.take);
  std::memcpy(resolve(w, *c.by, c.lane, Space::shared, c.to, c.bytes, c.bytes, Access::write, Proxy::async), bytes,
              c.bytes);
}
// Copies of `lanes` for which done() holds, in order of issue.
template <class D>
void complete(Warp& w, uint32_t lanes, D done) {
  if (!w.copies) return;
  std::vector<AsyncCopies::Copy> all, later;
  all.swap(w.copies->pending);
  for (const auto& c : all) {
    if ((lanes >> c.lane & 1) && done(c))
      carry_out(w, c);
    else
      later.push_back(c);
  }
  w.copies->pending = std::move(later);
}

// Unpacked from Instr::aux. Flat operands: destination, source, bytes[, source bytes | ignore-source
// predicate][, policy]
struct Shape {
  uint8_t bytes, wide_to, wide_from, limit;  // limit: 0 none, 1 a 32-bit count, 2 a predicate
  uint8_t pad[4];
};
void issue(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  AsyncCopies& q = copies_of(w);
  uint64_t to[LANES], from[LANES];
  addresses(w, in, 0, 0, s.wide_to, to);
  addresses(w, in, 1, 1, s.wide_from, from);
  const uint32_t* count = s.limit == 1 ? w.op<uint32_t>(in, 3) : nullptr;
  const uint32_t ignore = s.limit == 2 ? w.pred(in, 3) : 0;
  for (unsigned l = 0; l < LANES; ++l) {
    if (!(w.exec >> l & 1)) continue;
    uint32_t take = count ? count[l] : s.bytes;
    if (take > s.bytes)
      trap(w, in, l,
           "cp.async: source size must be at most the " + std::to_string(s.bytes) + " bytes copied, got " +
               std::to_string(take));
    if (ignore >> l & 1) take = 0;
    if (to[l] % s.bytes || (take && from[l] % s.bytes))
      trap(w, in, l, Trap::misaligned,
           "cp.async of " + std::to_string(s.bytes) + " bytes: both addresses must be multiples of it");
    Cluster& c = *w.cta->cluster;
    if (Cta* owner = c.order.on() ? c.owner(to[l]) : nullptr)  // it may begin at once
      c.order.async_write(w, in, l, *owner, uint32_t(to[l] & 0xffffff), s.bytes, c.order.copy_group(w, q.committed[l]));
    q.pending.push_back({&in, to[l], from[l], q.committed[l], uint8_t(l), s.bytes, uint8_t(take), 0});
  }
}
Handler copy(Form& f) {
  if (f.operand.size() < 3 || f.operand[2].kind != Flat::imm) return nullptr;
  const uint64_t n = f.operand[2].value;
  if (n != 16 && (f.has("cg") || (n != 4 && n != 8))) return nullptr;
  const size_t extra = f.operand.size() - 3 - f.has("L2::cache_hint");
  uint8_t limit = 0;
  if (extra == 1) limit = f.operand[3].kind == Flat::pred || f.operand[3].bits == 1 ? 2 : 1;
  if (limit == 1) f.operand[3].imm_bits = 32;
  f.aux = __builtin_bit_cast(uint64_t,
                             Shape{uint8_t(n), f.operand[0].bits == 64, f.operand[1].bits == 64, limit, {}});
  return issue;
}

void commit(Warp& w, const Instr&) {
  AsyncCopies& q = copies_of(w);
  for (unsigned l = 0; l < LANES; ++l) q.committed[l] += w.exec >> l & 1;
}
void wait_group(Warp& w, const Instr& in) {
  if (!w.copies) return;
  const uint32_t* committed = w.copies->committed;
  const uint64_t open = in.aux;  // that many of the latest groups may stay open
  complete(w, w.exec, [&](const auto& c) { return c.group + open < committed[c.lane]; });
  const uint32_t most = *std::max_element(committed, committed + LANES);
  if (most > open) w.cta->cluster->order.wait_copies(w, uint32_t(most - open));
}
Handler wait(Form& f) {
  if (f.operand.at(0).kind != Flat::imm) return nullptr;
  f.aux = f.operand[0].value;
  return wait_group;
}
void wait_all(Warp& w, const Instr&) { complete_copies(w, w.exec); }

}  // namespace

void complete_copies(Warp& w, uint32_t lanes) {
  complete(w, lanes, [](const auto&) { return true; });
  if (w.copies)
    w.cta->cluster->order.wait_copies(w, 1 + *std::max_element(w.copies->committed, w.copies->committed + LANES));
}

#define PTX(name) "#data-movement-and-conversion-instructions-" name
void cp_async_rows(Rows& rows) {
  constexpr Scope A = Scope::ASYNC;
  constexpr Pattern COPY{3, 5, 0}, NONE{0, 0, 0}, N{1, 1, 0};
  constexpr const char* words = "shared|shared::cta|global|L2::cache_hint|L2::64B|L2::128B|L2::256B";
  // clang-format off
  //        name                     types    modifiers operands scope select            anchor
  rows.add({"cp.async.ca",           NO_TYPE, words, COPY, A, copy,             PTX("cp-async")});
  rows.add({"cp.async.cg",           NO_TYPE, words, COPY, A, copy,             PTX("cp-async")});
  rows.add({"cp.async.commit_group", NO_TYPE, "",    NONE, A, always<commit>,   PTX("cp-async-commit-group")});
  rows.add({"cp.async.wait_group",   NO_TYPE, "",    N,    A, wait,             PTX("cp-async-wait-group")});
  rows.add({"cp.async.wait_all",     NO_TYPE, "",    NONE, A, always<wait_all>, PTX("cp-async-wait-group")});
  // clang-format on
}

}  // namespace sim
