// Reads of shared memory by the tensor core that race: what came of them decides (results.h).
#include "order_pass.h"

namespace sim {

namespace {
uint64_t key(uint16_t dim, uint32_t count) { return uint64_t(dim) << 32 | count; }
}  // namespace

void Order::tensor_read(Warp& w, const Instr& in, unsigned lane, Cta& where, uint32_t offset, uint32_t bytes,
                        Event done, std::vector<Doubt>& doubts) {
  if (!on_) return;
  Pass p(*this, w, in, lane, where, agent(w), granules(where), done, false, false);
  one_async_read(p, offset, bytes, [&](uint32_t from, uint32_t to, const Access& e, const char* missing) {
    const Origin* why = nullptr;
    for (size_t k = doubts.size(); k-- > 0 && !why;)  // one sentence for all that one instruction wrote
      if (doubts[k].write.dim == e.dim && doubts[k].write.count == e.count && doubts[k].by == e.by) why = doubts[k].why;
    if (!why)
      why = cluster_->results.origin({"", located(w, in, lane, sentence(p, at_offset(from), false, e, true, missing))});
    doubts.push_back({from, to, why, {e.dim, e.count}, e.by});
    if (raced_.size() <= e.dim) raced_.resize(e.dim + 1u);
    raced_[e.dim] = {e.count, why};
  });
}

std::string Order::raced_with(Event write) const {
  const Raced last = write.dim < raced_.size() ? raced_[write.dim] : Raced{};
  return last.why && last.count == write.count ? last.why->race : "";
}

void Order::answers(Event done, std::shared_ptr<TensorRead> read) {
  if (!on_) return;
  if (reads_.size() >= reads_at_most_) forget_reads();
  reads_[key(done.dim, done.count)] = std::move(read);
}

// A granule names the last read of each warp's tensor core: what no granule names any more nobody can ask for.
void Order::forget_reads() {
  decltype(reads_) named;
  auto keep = [&](const Access& a) {
    if (!a.mask) return;
    if (auto it = reads_.find(key(a.dim, a.count)); it != reads_.end()) named.insert(*it);
  };
  for (const auto& cta : shared_)
    for (const Granule& g : cta) {
      keep(g.read);
      if (g.crowd)
        for (const Also& k : crowds_[g.crowd - 1]) keep(k.access);
    }
  reads_.swap(named);
  reads_at_most_ = std::max<size_t>(reads_at_most_, 2 * reads_.size());
}

TensorRead* Order::answers_for(const Access& read) const {
  if (!read.mask || kinds_[read.dim] != tensor) return nullptr;
  auto it = reads_.find(key(read.dim, read.count));
  return it == reads_.end() ? nullptr : it->second.get();
}

bool Order::left_to_its_results(const Access& read, uint32_t from, uint32_t to) {
  TensorRead* with = answers_for(read);
  if (!with) return false;
  for (Race& r : races_)
    if (r.with == with) {
      r.bytes.push_back({from, to, nullptr, {}, 0});
      return true;
    }
  races_.push_back({with, read, {{from, to, nullptr, {}, 0}}});
  return true;
}

void Order::judge_races(const Pass& p) {
  std::vector<Race> races;
  races.swap(races_);
  for (Race& r : races) {
    const std::string what = sentence(p, at_offset(r.bytes[0].from), true, r.read, false);
    const Origin* why = cluster_->results.origin({"", located(p.w, p.in, p.lane, what)});
    for (Doubt& d : r.bytes) d.why = why;
    if (!r.with->changed(p.where, r.bytes)) trap(p.w, p.in, p.lane, Trap::race, what);
  }
}

// Two writes race, and between them the tensor core has read what the first had not finished: that was the first fault.
void Order::blame_read_between(const Granule& g, const Access& write) const {
  if (const TensorRead* r = answers_for(g.read))
    for (const Doubt& d : r->doubts)
      if (d.write.dim == write.dim && d.write.count == write.count) throw Trap(Trap::race, d.why->race);
}

}  // namespace sim
