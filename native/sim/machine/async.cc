#include "async.h"

#include "cta.h"

namespace sim {

void Async::start(AsyncPolicy policy, uint64_t seed) {
  flying_.clear();
  policy_ = policy;
  random_.seed(seed);
}

void Async::issue(std::unique_ptr<AsyncOp> op, uint32_t queue) {
  if (policy_ == AsyncPolicy::eager) {
    op->complete();
    return;
  }
  flying_.push_back({std::move(op), queue});
}

void Async::take(size_t index) {
  std::unique_ptr<AsyncOp> op = std::move(flying_[index].op);
  flying_.erase(flying_.begin() + std::ptrdiff_t(index));
  op->complete();
}

bool Async::complete_one() {
  if (flying_.empty()) return false;
  size_t index = 0;
  if (policy_ == AsyncPolicy::random) {
    index = random_() % flying_.size();
    if (uint32_t queue = flying_[index].queue)  // the first of its queue
      for (size_t k = 0; k < index; ++k)
        if (flying_[k].queue == queue) {
          index = k;
          break;
        }
  }
  take(index);
  return true;
}

void Async::drain(uint32_t queue) {
  for (size_t k = 0; k < flying_.size();)
    if (flying_[k].queue == queue)
      take(k);
    else
      ++k;
}

bool Async::done(uint32_t queue) const {
  for (const Flying& f : flying_)
    if (f.queue == queue) return false;
  return true;
}

uint32_t queue_of(const Warp& w, uint32_t kind) {
  return (w.cta->rank * 64 + w.index + 1) * QUEUE_KINDS + kind;
}

}  // namespace sim
