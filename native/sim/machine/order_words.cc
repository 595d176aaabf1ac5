// The sentence of a race: what both instructions do, where, and what is missing between them.
#include "mbarrier.h"
#include "order_pass.h"

namespace sim {

std::string Order::line_of(const Warp& w, const Access& e) const {
  const Program& p = *w.state->program;
  const auto* text = p.code[e.by & ~SYNC].info->text;
  return text ? text->op.text + " at PTX line " + std::to_string(text->line) : "an instruction";
}

std::string Order::maker_of_unwritten(const Cta& where, uint32_t row, uint32_t column) const {
  const auto& words = tmem_[where.rank];
  const Access last = words.empty() ? Access{} : words[row / 16 * Tmem::COLUMNS + column].write;
  if (!last.mask || kinds_[last.dim] != tensor) return "nobody has written";
  return line_of(where.warps[0].w, last) + " made of memory that nobody has written";
}

// The warp whose access it was; copies that complete on an mbarrier are not a warp's.
std::string Order::whom(const Access& e, const Warp& asking) const {
  if (kinds_[e.dim] == phase) return "an asynchronous operation that completes on " + names_[e.dim];
  const uint32_t index = (e.dim - 1u) / Agent::DIMS, rank = index / warps_;
  if (rank == asking.cta->rank && index % warps_ == asking.index) return "this warp";
  return "warp " + std::to_string(index % warps_) + (rank != asking.cta->rank ? " of CTA rank " + std::to_string(rank) : "");
}

// What would have made it known. That some mbarrier already tells it narrows it down to a wait.
std::string Order::missing_between(const Pass& p, const Access& e) const {
  if (kinds_[e.dim] == phase) return "a wait for that phase of " + names_[e.dim];
  for (const auto& [address, b] : cluster_->mbarriers)
    if (b->live && (b->done.seen.at(e.dim) >= e.count || b->arriving.seen.at(e.dim) >= e.count))
      return "a wait on the mbarrier at shared offset " + std::to_string(b->offset) +
             (b->cta->rank != p.w.cta->rank ? " of CTA rank " + std::to_string(b->cta->rank) : "") +
             ", which has word of it";
  const uint32_t index = (e.dim - 1u) / Agent::DIMS;
  const Agent& other = agents_[index];
  const bool itself = &other == &p.a, it_knows = other.known.seen.at(e.dim) >= e.count;
  const std::string barrier = " and a barrier between the two";
  switch (kinds_[e.dim]) {
    case tensor:
      if (it_knows) break;
      return itself ? "tcgen05.commit and a wait on its mbarrier" : "a wait on the mbarrier of a tcgen05.commit";
    case tmem_read:
      if (it_knows) break;
      return "tcgen05.wait::ld" + (itself ? "" : barrier);
    case tmem_write:
      if (it_knows) break;
      return "tcgen05.wait::st" + (itself ? "" : barrier);
    case bulk:
      if (it_knows) break;
      return "cp.async.bulk.wait_group by the thread that issued it" + (itself ? "" : barrier);
    case copy:
      if (it_knows) break;
      return "cp.async.wait_group" + (itself ? "" : barrier);
    default: break;
  }
  return "a barrier between the two (bar.sync, an mbarrier or barrier.cluster)";
}

std::string Order::sentence(const Pass& p, const std::string& place, bool write, const Access& other,
                            bool other_writes, const char* missing) const {
  const char* how = "";
  switch (kinds_[other.dim]) {
    case tensor: how = " through the tensor core"; break;
    case bulk: how = " by a bulk copy"; break;
    case copy: how = " by an asynchronous copy"; break;
    default: break;
  }
  std::string where = (p.tensor_memory ? "tensor memory at " : "shared memory at ") + place;
  if (cluster_->ctas.size() > 1) where += " of CTA rank " + std::to_string(p.where.rank);
  return p.in.info->text->op.text + (write ? " writes " : " reads ") + where + " that " + whom(other, p.w) +
         (other_writes ? " writes" : " reads") + how + " (" + line_of(p.w, other) +
         "), and nothing orders the two: missing " + (missing ? std::string(missing) : missing_between(p, other));
}

void Order::conflict(const Pass& p, const std::string& place, bool write, const Access& other, bool other_writes,
                     const char* missing) {
  trap(p.w, p.in, p.lane, Trap::race, sentence(p, place, write, other, other_writes, missing));
}

}  // namespace sim
