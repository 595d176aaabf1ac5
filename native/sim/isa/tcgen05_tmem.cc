// PTX ISA 9.7.16.7 tcgen05 allocation: who owns which columns of tensor memory. An allocation waits until its
// columns are free; with cta_group::2 a warp of each CTA of the pair takes part, and the first one waits for the
// second. PTX 9.1 #tcgen05-instructions-tcgen05-alloc-dealloc-relinquish-alloc-permit
#include "../machine/access.h"
#include "../machine/cluster.h"
#include "../machine/profile.h"
#include "../machine/windows.h"
#include "chapters.h"
#include "select.h"

namespace sim {

// What warps of a CTA wait for.
struct TmemRequests : Waitable {
  struct Request {
    uint32_t warp, n;  // n 0: a dealloc
    uint64_t serial;   // of the allocation that was given or is being freed; 0: none yet
    uint32_t column;
  };
  std::vector<Request> open;
  const Cta* cta = nullptr;
  std::string describe() const override {
    const Tmem& t = *cta->tmem;
    uint32_t used = 0;
    for (const Tmem::Allocation& a : t.allocations) used += a.n;
    return "tensor memory of CTA rank " + std::to_string(cta->rank) + ", of which " + std::to_string(used) +
           " of 512 columns are allocated" +
           (t.cta_group == 2 ? ", or on the warp of the other CTA of its pair that takes part" : "");
  }
  Request* of(uint32_t warp) {
    for (Request& r : open)
      if (r.warp == warp) return &r;
    return nullptr;
  }
  void close(uint32_t warp) {
    std::erase_if(open, [&](const Request& r) { return r.warp == warp; });
  }
};

namespace tcgen05_tmem_chapter {
namespace {

TmemRequests& requests_of(Cta& c) {
  Tmem& t = tmem_of(c);
  if (!t.requests) t.requests = std::make_shared<TmemRequests>(), t.requests->cta = &c;
  return *t.requests;
}

// One value for the whole warp, all of whose lanes take part.
uint32_t uniform(Warp& w, const Instr& in, unsigned k, const char* what) {
  const uint32_t* v = w.op_any<uint32_t>(in, k);
  for (unsigned l = 1; l < LANES; ++l)
    if (v[l] != v[0])
      trap(w, in, l, std::string("expected one ") + what + " for all lanes of the warp, found " +
                         std::to_string(v[0]) + " and " + std::to_string(v[l]));
  return v[0];
}
void whole_warp(Warp& w, const Instr& in) {
  w.state->path().token = 0;
  if (uint32_t gone = ~w.state->live)
    trap(w, in, unsigned(__builtin_ctz(w.state->live)),
         in.info->text->op.text + " needs all 32 threads of its warp, and thread " +
             std::to_string(w.index * LANES + unsigned(__builtin_ctz(gone))) + " has exited or never was");
}
uint32_t column_count(Warp& w, const Instr& in, unsigned k) {
  uint32_t n = uniform(w, in, k, "number of columns");
  if (n < 32 || n > Tmem::COLUMNS || (n & (n - 1)))
    trap(w, in, "the number of columns is a power of two from 32 to 512, found " + std::to_string(n));
  return n;
}

// ---- alloc
void grant(Cta& c, Warp& w, const Instr& in, TmemRequests::Request& r, uint32_t column, uint64_t serial) {
  r.column = column, r.serial = serial;
  c.tmem->allocations.push_back({column, r.n, serial, &w, &in});
  if (Counters* counters = c.cluster->counters) {
    uint32_t columns = 0;
    for (const Tmem::Allocation& a : c.tmem->allocations) columns += a.n;
    counters->tmem_columns = std::max(counters->tmem_columns, columns);
  }
}
bool try_grant(Warp& w, const Instr& in, Cta* peer, TmemRequests::Request& mine) {
  Cta& c = *w.cta;
  TmemRequests::Request* theirs = nullptr;
  if (peer) {
    for (TmemRequests::Request& r : requests_of(*peer).open)
      if (r.n && !r.serial) theirs = &r;
    if (!theirs) return false;
    if (theirs->n != mine.n)
      trap(w, in, "the two CTAs of a pair allocate the same number of columns together, found " +
                      std::to_string(mine.n) + " here and " + std::to_string(theirs->n) + " there");
  }
  uint32_t at = c.tmem->first_fit(mine.n, peer ? peer->tmem.get() : nullptr);
  if (at == Tmem::COLUMNS) return false;
  uint64_t serial = ++c.cluster->tmem_serial;
  grant(c, w, in, mine, at, serial);
  if (peer) {
    WarpState& other = peer->warps[theirs->warp];
    grant(*peer, other.w, *other.paths.front().ip, *theirs, at, serial);
    c.cluster->wake(requests_of(*peer));
  }
  return true;
}

struct Shape {  // unpacked from Instr::aux
  uint8_t group, wide, space, pad[5];
};

void alloc(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  whole_warp(w, in);
  Cta* peer = use_cta_group(w, in, 0, s.group);
  Tmem& t = tmem_of(*w.cta);
  TmemRequests& requests = requests_of(*w.cta);
  uint32_t n = column_count(w, in, 1);
  if (t.relinquished_by)
    trap(w, in, "tcgen05.alloc after the CTA gave up its right to allocate, at PTX line " +
                    std::to_string(t.relinquished_by->info->text->line));
  TmemRequests::Request* mine = requests.of(w.index);
  if (!mine) {
    // "should not increase": a CTA that asks for more than before may wait for one that does the same
    for (const Tmem::Allocation& a : t.allocations)
      if (a.n < n)
        w.cta->launch->lint("tcgen05.alloc at PTX line " + std::to_string(in.info->text->line) + " asks for " +
                            std::to_string(n) + " columns after one for " + std::to_string(a.n) +
                            "; sizes should not increase within a CTA");
    requests.open.push_back({w.index, n, 0, 0});
    mine = &requests.open.back();
  }
  if (!mine->serial && !try_grant(w, in, peer, *mine)) return park_on(w, in, requests);
  uint32_t column = mine->column;
  requests.close(w.index);
  uint64_t at[LANES];
  addresses(w, in, 0, 0, s.wide, at);
  Space space = Space(s.space);
  // A generic address where one of shared memory belongs works on a B200 (ThunderKittens does it): its window has no
  // bits in the low 32 beyond the offset's.
  if (space == Space::shared && s.wide && space_of_generic(at[0]) == Space::shared) space = Space::generic;
  to_own_space(space, at[0]);
  if (space != Space::shared || at[0] >> 24 != w.cta->rank)
    trap(w, in, 0, Trap::illegal_address, "tcgen05.alloc writes the address to shared memory of its own CTA");
  store(w, in, 0, space, at[0], 4, &column);
}

// ---- dealloc
// What the columns hold is gone: whoever still reads or writes them must be done, and this warp must know.
void free_columns(Warp& w, const Instr& in, Cta& c, uint64_t serial) {
  for (const Tmem::Allocation& a : c.tmem->allocations)
    if (a.serial == serial) c.cluster->order.release_columns(w, in, c, a.column, a.n);
  c.tmem->release(serial);
  c.cluster->wake(requests_of(c));
}

void dealloc(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  whole_warp(w, in);
  Cta* peer = use_cta_group(w, in, 0, s.group);
  Cta& c = *w.cta;
  TmemRequests& requests = requests_of(c);
  if (requests.of(w.index)) return requests.close(w.index);  // the peer came and both are free
  uint32_t column = tmem_column(uniform(w, in, 0, "address")), n = column_count(w, in, 1);
  Tmem::Allocation* a = nullptr;
  for (Tmem::Allocation& k : c.tmem->allocations)
    if (k.column == column && k.n == n) a = &k;
  if (!a || a->freeing)
    trap(w, in, 0, Trap::illegal_address,
         "tcgen05.dealloc of columns " + std::to_string(column) + " to " + std::to_string(column + n - 1) +
             " of tensor memory, which " + (a ? "another warp is freeing" : "no tcgen05.alloc gave as one piece"));
  if (!peer) return free_columns(w, in, c, a->serial);
  uint64_t serial = a->serial;
  Tmem::Allocation* theirs = nullptr;
  for (Tmem::Allocation& k : peer->tmem->allocations)
    if (k.serial == serial) theirs = &k;
  if (!theirs || !theirs->freeing) {
    a->freeing = true;
    c.cluster->order.release_columns(w, in, c, column, n);
    requests.open.push_back({w.index, 0, serial, column});
    return park_on(w, in, requests);
  }
  free_columns(w, in, c, serial);
  peer->tmem->release(serial);
  c.cluster->wake(requests_of(*peer));
}

void relinquish(Warp& w, const Instr& in) {
  whole_warp(w, in);
  use_cta_group(w, in, 0, __builtin_bit_cast(Shape, in.aux).group);
  tmem_of(*w.cta).relinquished_by = &in;
}

template <Handler H>
Handler select(Form& f) {
  if (f.has("cta_group::1") == f.has("cta_group::2") || !f.has("sync") || !f.has("aligned")) return nullptr;
  Shape s{};
  s.group = f.has("cta_group::2") ? 2 : 1;
  if (H == alloc) {
    const Space space = space_of(f.op);
    if (f.operand.size() != 2 || !f.operand[0].address) return nullptr;
    s.wide = f.operand[0].kind == Flat::imm ? f.operand[0].imm_bits == 64 : f.operand[0].bits == 64;
    s.space = uint8_t(space);
  }
  if (!f.operand.empty()) f.operand.back().imm_bits = 32;
  f.aux = __builtin_bit_cast(uint64_t, s);
  return H;
}

}  // namespace

#define PTX "#tcgen05-instructions-tcgen05-alloc-dealloc-relinquish-alloc-permit"
void add_rows(Rows& rows) {
  constexpr Scope W = Scope::WARP;
  constexpr Pattern TWO{2, 2, 0}, NONE{0, 0, 0};
  constexpr const char* words = "cta_group::1|cta_group::2|sync|aligned";
  // clang-format off
  //        name                               types    modifiers                                                      operands scope select        anchor
  rows.add({"tcgen05.alloc",                   B32,     "cta_group::1|cta_group::2|sync|aligned|shared::cta|shared",   TWO,     W, select<alloc>,      PTX});
  rows.add({"tcgen05.dealloc",                 B32,     words,                                                         TWO,     W, select<dealloc>,    PTX});
  rows.add({"tcgen05.relinquish_alloc_permit", NO_TYPE, words,                                                         NONE,    W, select<relinquish>, PTX});
  // clang-format on
}
#undef PTX

}  // namespace tcgen05_tmem_chapter
}  // namespace sim
