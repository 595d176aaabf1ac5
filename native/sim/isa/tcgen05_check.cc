// What a tcgen05.mma touches, held at issue against bounds, allocations and the order of accesses: from then on
// the tensor core may read its operands at any time.
#include <algorithm>

#include "../machine/program.h"
#include "tcgen05_multiply.h"

namespace sim {

CtaGroup cta_group_of(Warp& w, const Instr& in, unsigned lane, uint32_t n) {
  CtaGroup g;
  g.n = n, g.at[0] = w.cta;
  Cta* peer = use_cta_group(w, in, lane, n);
  if (!peer) return g;
  g.at[w.cta->rank & 1] = w.cta, g.at[peer->rank & 1] = peer;
  if (peer->done())
    trap(w, in, lane, Trap::illegal_address,
         "cta_group::2 reaches the memory of CTA rank " + std::to_string(peer->rank) + ", which has exited");
  return g;
}

void TensorMultiply::check_shared(bool of_a, Event done, std::vector<Doubt> (&doubts)[2]) {
  const uint32_t data = umma::data_bytes(i.by.kind, of_a ? i.a : i.b);
  uint32_t low = ~0u, high = 0;
  each_granule(of_a, [&](uint32_t at, uint32_t, uint32_t) { low = std::min(low, at), high = std::max(high, at); });
  for (uint32_t rank = 0; rank < group.n; ++rank) {
    Cta& cta = *group.at[rank];
    if (low < SHARED_RESERVED || high + 16 > cta.shared_bytes())
      trap(warp, instr, lane, Trap::illegal_address,
           std::string("the descriptor of ") + (of_a ? "A" : "B") + " reaches shared memory from offset " +
               std::to_string(low) + " to " + std::to_string(high + 15) + ", expected " +
               std::to_string(SHARED_RESERVED) + " to " + std::to_string(cta.shared_bytes() - 1));
    Order& order = cta.cluster->order;
    if (!order.on()) continue;
    const bool undefined = cta.cluster->undefined_bytes.any();
    uint32_t from = 0, to = 0;  // granules that lie side by side are one access
    auto flush = [&] {
      if (to == from) return;
      order.tensor_read(warp, instr, lane, cta, from, to - from, done, doubts[rank]);
      if (undefined) undefined_bytes(cta, from, to, doubts[rank]);
    };
    each_granule(of_a, [&](uint32_t at, uint32_t, uint32_t) {
      if (at == to && data == 16)
        to += 16;
      else if (at + 16 == from && data == 16)
        from = at;
      else
        flush(), from = at, to = at + data;
    });
    flush();
  }
}

uint32_t MultiplyOperands::halves() const {
  uint32_t used = 0;
  for (uint32_t part = 0; part < path.parts; ++part)
    for (uint32_t m = 0; m < path.rows; m += 16) used |= 1u << path.lane(m, part) / 16;
  return used;
}

void TensorMultiply::check_tmem(Event done) {
  const uint32_t used = halves(), all = 0xff;
  for (Cta* cta : group) {
    Cluster& cluster = *cta->cluster;
    auto touch = [&](uint32_t address, uint32_t columns, uint32_t where, bool write) {
      check_columns(warp, instr, lane, *cta, tmem_column(address), columns);
      cluster.order.tmem(warp, instr, lane, *cta, where, tmem_column(address), columns, write, done);
      if (!write && cluster.order.on()) cluster.results.taken(*cta, where, tmem_column(address), columns);
    };
    if (a_in_tmem) touch(a_tmem, i.bytes_a() / 4, used, false);
    if (i.by.sparse) touch(metadata_column(), metadata_columns(), used, false);
    if (i.by.scale_vec) {
      touch(sfa, (path.rows + 31) / 32, all, false);
      touch(sfb, (columns_of_d() + 31) / 32, all, false);
    }
    touch(d, columns_of_d(), used, true);
  }
}

void TensorMultiply::check() {
  auto aligned = [&](const char* what, uint32_t address, bool may_be_half) {
    const uint32_t at = tmem_row(address);
    if (at && (at != 16 || !may_be_half))
      trap(warp, instr, lane, Trap::misaligned,
           std::string("the tensor memory address of ") + what + ": expected lane " + (may_be_half ? "0 or 16" : "0") +
               ", got " + std::to_string(at));
  };
  path = umma::data_path(i);
  aligned("D", d, path.half);
  path.first = tmem_row(d);
  // #tcgen05-sparse-matrices-alignment-restriction
  auto like_d = [&](const char* what, uint32_t address) {
    aligned(what, address, path.half);
    if (tmem_row(address) != path.first)
      trap(warp, instr, lane, Trap::misaligned,
           std::string("the tensor memory address of ") + what + ": expected the lane of D, " +
               std::to_string(path.first) + ", got " + std::to_string(tmem_row(address)));
  };
  if (a_in_tmem) like_d("A", a_tmem);
  if (i.by.sparse) like_d("the sparsity metadata", metadata);
  if (i.by.scale_vec) aligned("scale A", sfa, false), aligned("scale B", sfb, false);
  Order& order = warp.cta->cluster->order;
  const Event done = order.next_tensor(warp);
  std::vector<Doubt> of_a[2], of_b[2];  // by CTA of the group
  if (!a_in_tmem) check_shared(true, done, of_a);
  check_shared(false, done, of_b);
  check_tmem(done);
  if (order.on()) note_results(done, of_a, of_b);
}

}  // namespace sim
