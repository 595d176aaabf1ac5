// Asynchronous operations in flight: copies, tensor core work, their completions. When one is carried out is a
// policy, so that a kernel whose answer depends on it is caught:
//   lazy    when no warp of the cluster can go on without it (the default)
//   random  at any time, by seed; warps take turns by seed as well
//   eager   at once, which no hardware does: a lint
// PTX 9.1 #async-operations
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <random>

#include "warp.h"

namespace sim {

struct Cluster;

enum class AsyncPolicy : uint8_t { lazy, random, eager };

// One operation. It is carried out by complete(), on whatever host thread runs the cluster, while no instruction
// is executing. Faults found then are the issuing instruction's: trap(warp, instr, lane, ...).
struct AsyncOp {
  Warp& warp;
  const Instr& instr;
  unsigned lane;
  AsyncOp(Warp& w, const Instr& in, unsigned l) : warp(w), instr(in), lane(l) {}
  virtual ~AsyncOp() = default;
  virtual void complete() = 0;
};

class Async {
 public:
  void start(AsyncPolicy policy, uint64_t seed);
  // Operations of one queue complete in the order of issue; queue 0: each by itself. Under eager it is complete
  // on return.
  void issue(std::unique_ptr<AsyncOp> op, uint32_t queue = 0);
  bool complete_one();  // false: none is in flight
  bool empty() const { return flying_.empty(); }
  size_t size() const { return flying_.size(); }
  // Carries out everything of this queue that is in flight.
  void drain(uint32_t queue);
  // All in flight that this warp issued to the queue is done.
  bool done(uint32_t queue) const;
  AsyncPolicy policy() const { return policy_; }
  std::mt19937_64& random() { return random_; }

 private:
  struct Flying {
    std::unique_ptr<AsyncOp> op;
    uint32_t queue;
  };
  void take(size_t index);
  std::deque<Flying> flying_;
  AsyncPolicy policy_ = AsyncPolicy::lazy;
  std::mt19937_64 random_;
};

// Queue numbers. Those of a warp: its tensor core operations are in order; its tcgen05.ld and .st likewise.
uint32_t queue_of(const Warp& w, uint32_t kind);
inline constexpr uint32_t QUEUE_TENSOR = 1, QUEUE_TMEM = 2, QUEUE_KINDS = 4;

}  // namespace sim
