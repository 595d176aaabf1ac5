// PTX ISA 9.7.13.17-18 clusterlaunchcontrol: a running cluster takes the place of one that has not started. The
// response is 16 opaque bytes: ctaid x, y, z of the cancelled cluster's first CTA, and a word that says that this is
// a response and whether it succeeded.
#include <cstring>

#include "../machine/access.h"
#include "../machine/mbarrier.h"
#include "../machine/windows.h"
#include "chapters.h"
#include "select.h"

namespace sim::cluster_launch_chapter {
namespace {

constexpr uint32_t FAILED = 0x434c4330, CANCELLED = 0x434c4331, NO_CTAID = 0xcdcdcdcd;
struct Response {
  uint32_t ctaid[3] = {NO_CTAID, NO_CTAID, NO_CTAID}, word = FAILED;
};

struct Shape {
  uint8_t space, wide, wide_bar, all, pad[4];
};

struct TryCancel : AsyncOp {
  using AsyncOp::AsyncOp;
  struct To {
    uint64_t address, bar;
    Event event;
  };
  std::vector<To> to;

  void complete() override {
    Cluster& c = *warp.cta->cluster;
    Launch& l = *c.launch;
    Response r;
    uint64_t linear;
    if (l.cancel(c, linear)) {
      Dim3 id = l.cluster_id(linear);
      const Dim3& k = l.config.cluster;
      r = {{id.x * k.x, id.y * k.y, id.z * k.z}, CANCELLED};
    }
    for (const To& t : to) {
      std::memcpy(resolve(warp, instr, lane, Space::shared, t.address, 16, 16, Access::write, Proxy::async), &r, 16);
      mbarrier_complete_tx(warp, instr, lane, mbarrier_at(warp, instr, lane, t.bar), 16, &t.event);
    }
  }
};

// clusterlaunchcontrol.try_cancel.async [a], [mbar]
void try_cancel(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  Cluster& c = *w.cta->cluster;
  uint64_t to[LANES], bar[LANES];
  addresses(w, in, 0, 0, s.wide, to);
  addresses(w, in, 1, 1, s.wide_bar, bar);
  for (uint32_t m = w.exec; m; m &= m - 1) {
    unsigned l = unsigned(__builtin_ctz(m));
    for (uint64_t* a : {to + l, bar + l}) {
      Space space = Space(s.space);
      to_own_space(space, *a);
      if (space != Space::shared || *a >> 24 != w.cta->rank)
        trap(w, in, l, Trap::illegal_address,
             "clusterlaunchcontrol.try_cancel expects addresses of the CTA's own shared memory");
    }
    if (to[l] % 16)
      trap(w, in, l, Trap::misaligned, "clusterlaunchcontrol.try_cancel: the response lies at a multiple of 16");
    if (w.cta->saw_no_cluster)
      trap(w, in, l, "clusterlaunchcontrol.try_cancel by a CTA that has seen an earlier request fail");
    auto op = std::make_unique<TryCancel>(w, in, l);
    for (const auto& cta : c.ctas) {
      if (!s.all && cta.get() != w.cta) continue;
      if (cta->done())
        trap(w, in, l, "clusterlaunchcontrol.try_cancel.multicast::cluster::all: CTA rank " +
                           std::to_string(cta->rank) + " of the cluster has exited");
      uint64_t base = cta->shared_base(), a = (to[l] & 0xffffff) | base, b = (bar[l] & 0xffffff) | base;
      Window win;
      if (!find_window(w, in, Space::shared, a, 16, win))
        out_of_bounds(w, in, l, Space::shared, a, 16, Access::write);
      Event event = mbarrier_at(w, in, l, b).current();
      c.order.async_write(w, in, l, *cta, uint32_t(a & 0xffffff), 16, event);
      op->to.push_back({a, b, event});
    }
    c.async.issue(std::move(op));
  }
}
Handler select_try(Form& f) {
  if (!f.has("mbarrier::complete_tx::bytes") || !f.operand[0].address || !f.operand[1].address) return nullptr;
  f.aux = __builtin_bit_cast(uint64_t, Shape{uint8_t(space_of(f.op)), f.operand[0].bits == 64,
                                             f.operand[1].bits == 64, f.has("multicast::cluster::all"), {}});
  return try_cancel;
}

Response response(Warp& w, const Instr& in, unsigned k, unsigned l) {
  Response r;
  std::memcpy(&r, reinterpret_cast<const uint8_t*>(w.op<uint64_t>(in, k)) + 16 * l, 16);
  if (r.word != FAILED && r.word != CANCELLED)
    trap(w, in, l, "clusterlaunchcontrol.query_cancel of 16 bytes that are no response of try_cancel");
  return r;
}
void is_canceled(Warp& w, const Instr& in) {
  uint32_t p = 0;
  for (uint32_t m = w.exec; m; m &= m - 1) {
    unsigned l = unsigned(__builtin_ctz(m));
    bool yes = response(w, in, 1, l).word == CANCELLED;
    p |= uint32_t(yes) << l;
    if (!yes) w.cta->saw_no_cluster = true;
  }
  write_pred(w, w.pred(in, 0), p);
}
Handler select_is_canceled(Form& f) { return f.operand[1].bits == 128 ? is_canceled : nullptr; }

// One coordinate, or all of them; the fourth element has no meaning. Of a request that failed they are undefined.
void first_ctaid(Warp& w, const Instr& in) {
  bool vector = in.aux == 4;
  for (uint32_t m = w.exec; m; m &= m - 1) {
    unsigned l = unsigned(__builtin_ctz(m));
    Response r = response(w, in, vector ? 4 : 1, l);
    if (!vector) {
      w.op<uint32_t>(in, 0)[l] = r.ctaid[in.aux];
      continue;
    }
    for (unsigned k = 0; k < 4; ++k) w.op<uint32_t>(in, k)[l] = k < 3 ? r.ctaid[k] : 0;
  }
}
Handler select_first(Form& f) {
  f.aux = f.has("get_first_ctaid::x") ? 0 : f.has("get_first_ctaid::y") ? 1 : f.has("get_first_ctaid::z") ? 2 : 4;
  bool vector = f.aux == 4;
  if (vector && !(f.has("get_first_ctaid") && f.has("v4"))) return nullptr;
  return f.operand.size() == (vector ? 5u : 2u) && f.operand.back().bits == 128 ? first_ctaid : nullptr;
}

}  // namespace

#define PTX(name) "#parallel-synchronization-and-communication-instructions-clusterlaunchcontrol-" name
void add_rows(Rows& rows) {
  constexpr Pattern TWO{2, 2, 0};
  constexpr TypeSet b128 = types({Type::b128}), flag = types({Type::pred, Type::b128}), id = types({Type::b32, Type::b128});
  constexpr const char* request = "shared::cta|mbarrier::complete_tx::bytes|multicast::cluster::all";
  constexpr const char* which = "v4|get_first_ctaid|get_first_ctaid::x|get_first_ctaid::y|get_first_ctaid::z";
  constexpr Scope L = Scope::LANE;
  // clang-format off
  //        name                                             types modifiers operands scope         select              anchor
  rows.add({"clusterlaunchcontrol.try_cancel.async",         b128, request,  TWO,     Scope::ASYNC, select_try,         PTX("try-cancel")});
  rows.add({"clusterlaunchcontrol.query_cancel.is_canceled", flag, "",       D_A,     L,            select_is_canceled, PTX("query-cancel")});
  rows.add({"clusterlaunchcontrol.query_cancel",             id,   which,    D_A,     L,            select_first,       PTX("query-cancel")});
  // clang-format on
}
#undef PTX

}  // namespace sim::cluster_launch_chapter
