// PTX ISA 9.7.9.25.3 Non-bulk asynchronous copy. When a copy is carried out is a policy (Async): lazy when its lane waits
// for it, random now and then, eager at once. Shared memory read too early shows the bytes of before (or that nobody
// wrote them), as it may on hardware, and is a fault by the order of accesses anyhow.
#include "cp_async.h"

#include <vector>

#include "../machine/access.h"
#include "../machine/mbarrier.h"
#include "../machine/windows.h"
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
  // For the order of accesses: copies of one epoch are one event. An epoch ends with a commit and with an arrival.
  Event epoch{0, 1};
  std::vector<uint32_t> last_epoch[LANES];  // of each group of a lane
};

namespace cp_async_chapter {
namespace {

AsyncCopies& copies_of(Warp& w) {
  if (!w.copies) w.copies = std::make_shared<AsyncCopies>();
  AsyncCopies& c = *w.copies;
  if (!c.epoch.dim) c.epoch.dim = w.cta->cluster->order.copies_dim(w);
  return c;
}

// Source bytes that nobody wrote leave their places unwritten: it is their use that is a fault.
void carry_out(Warp& w, const AsyncCopies::Copy& c) {
  uint8_t bytes[16] = {};
  Window from, to;
  if (c.take) {
    if (!find_window(w, *c.by, Space::global, c.from, c.take, from))
      out_of_bounds(w, *c.by, c.lane, Space::global, c.from, c.take, Access::read);
    std::memcpy(bytes, from.bytes + c.from, c.take);
  }
  std::memcpy(resolve(w, *c.by, c.lane, Space::shared, c.to, c.bytes, c.bytes, Access::write, Proxy::async), bytes,
              c.bytes);
  if (!c.take || from.all_written || from.shadow.all(c.from, c.take)) return;
  find_window(w, *c.by, Space::shared, c.to, c.bytes, to);
  for (unsigned k = 0; k < c.take; ++k)
    if (!from.shadow.all(c.from + k, 1)) to.shadow.clear(c.to + k, 1);
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

// Now, or some now, or none: by policy.
void some_time(Warp& w) {
  Async& async = w.cta->cluster->async;
  if (async.policy() == AsyncPolicy::eager) complete(w, ALL, [](const auto&) { return true; });
  if (async.policy() == AsyncPolicy::random)
    complete(w, ALL, [&](const auto&) { return async.random()() % 8 == 0; });
}
// The warp knows that the copies of these epochs are done.
void know(Warp& w, uint32_t epoch) {
  Sync s;
  Order& order = w.cta->cluster->order;
  if (!order.on() || !epoch) return;
  s.seen.raise(w.copies->epoch.dim, epoch);
  order.acquire(w, s);
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
  Cluster& c = *w.cta->cluster;
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
    Window win;
    if (!find_window(w, in, Space::shared, to[l], s.bytes, win))
      out_of_bounds(w, in, l, Space::shared, to[l], s.bytes, Access::write);
    c.order.async_write(w, in, l, *c.owner(to[l]), uint32_t(to[l] & 0xffffff), s.bytes, q.epoch);
    q.pending.push_back({&in, to[l], from[l], q.committed[l], uint8_t(l), s.bytes, uint8_t(take), 0});
  }
  some_time(w);
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
  for (uint32_t m = w.exec; m; m &= m - 1) {
    const unsigned l = unsigned(__builtin_ctz(m));
    ++q.committed[l];
    q.last_epoch[l].push_back(q.epoch.count);
  }
  ++q.epoch.count;
  some_time(w);
}
void wait_group(Warp& w, const Instr& in) {
  if (!w.copies) return;
  AsyncCopies& q = *w.copies;
  const uint64_t open = in.aux;  // that many of the latest groups may stay open
  complete(w, w.exec, [&](const auto& c) { return c.group + open < q.committed[c.lane]; });
  uint32_t epoch = 0;
  for (uint32_t m = w.exec; m; m &= m - 1) {
    const auto& groups = q.last_epoch[__builtin_ctz(m)];
    if (groups.size() > open) epoch = std::max(epoch, groups[groups.size() - 1 - open]);
  }
  know(w, epoch);
}
Handler wait(Form& f) {
  if (f.operand.at(0).kind != Flat::imm) return nullptr;
  f.aux = f.operand[0].value;
  return wait_group;
}
void wait_all(Warp& w, const Instr&) {
  if (!w.copies) return;
  complete_copies(w, w.exec);
  know(w, w.copies->epoch.count++);
}

// cp.async.mbarrier.arrive{.noinc} [a]: arrives when the copies that the lane has issued are done. Without .noinc the
// phase expects one arrival more because of it.
struct Arrival : AsyncOp {
  std::shared_ptr<AsyncCopies> copies;
  uint32_t lanes;
  uint64_t at[LANES];
  Sync done;
  Arrival(Warp& w, const Instr& in) : AsyncOp(w, in, unsigned(__builtin_ctz(w.exec))), copies(w.copies), lanes(w.exec) {}
  void complete() override {
    if (warp.copies == copies) complete_copies(warp, lanes);
    for (uint32_t m = lanes; m; m &= m - 1) {
      const unsigned l = unsigned(__builtin_ctz(m));
      mbarrier_arrive(warp, instr, l, mbarrier_at(warp, instr, l, at[l]), 1, false, &done);
    }
  }
};
template <bool INC>
void arrive(Warp& w, const Instr& in) {
  AsyncCopies& q = copies_of(w);
  Cluster& c = *w.cta->cluster;
  auto op = std::make_unique<Arrival>(w, in);
  addresses(w, in, 0, 0, in.aux & 1, op->at);
  for (uint32_t m = w.exec; m; m &= m - 1) {
    const unsigned l = unsigned(__builtin_ctz(m));
    Space space = Space(in.aux >> 1);
    to_own_space(space, op->at[l]);
    if (space != Space::shared || op->at[l] >> 24 != w.cta->rank)
      trap(w, in, l, Trap::illegal_address, "cp.async.mbarrier.arrive wants an mbarrier of the executing CTA");
    Mbarrier& b = mbarrier_at(w, in, l, op->at[l]);
    if (INC) mbarrier_expect_arrival(w, in, l, b);
  }
  if (c.order.on()) op->done.seen.raise(q.epoch.dim, q.epoch.count);
  ++q.epoch.count;
  c.async.issue(std::move(op));
}
Handler select_arrive(Form& f) {
  const Space space = space_of(f.op);
  if (!f.operand[0].address || (space != Space::shared && space != Space::generic) || f.type() != Type::b64) return nullptr;
  const Flat& a = f.operand[0];
  f.aux = uint64_t((a.kind == Flat::imm ? a.imm_bits : a.bits) == 64) | uint64_t(space) << 1;
  return f.has("noinc") ? arrive<false> : arrive<true>;
}

}  // namespace

#define PTX(name) "#data-movement-and-conversion-instructions-" name
void add_rows(Rows& rows) {
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
  rows.add({"cp.async.mbarrier.arrive", types({Type::b64}), "noinc|shared|shared::cta", N, A, select_arrive,
            "#parallel-synchronization-and-communication-instructions-cp-async-mbarrier-arrive"});
  // clang-format on
}
#undef PTX

}  // namespace cp_async_chapter

void complete_copies(Warp& w, uint32_t lanes) {
  cp_async_chapter::complete(w, lanes, [](const auto&) { return true; });
}

}  // namespace sim
