// Happens-before inside a cluster, by vector clocks: which accesses to shared and tensor memory are ordered, and
// by what. A missing wait, barrier or fence is found wherever two accesses are not ordered, whatever order the
// simulator happened to run them in.
//
// A dimension of the clock is something that makes events in order: a warp; the operations that its warp issued
// to the tensor core; its tcgen05.ld and .st; its bulk groups; an mbarrier, whose events are its phases. Lanes of
// a warp count as one. An event is (dimension, count); a warp knows an event once its clock has reached it.
//
// Memory is followed in granules of 16 bytes, tensor memory in half quadrants of a column. Each keeps its last write
// and last read by byte, and a side list where several warps did so at once. What is kept of one warp is its latest
// access to the granule: a warp that never touches the same bytes twice in different ways loses nothing by that.
//
// PTX 9.1 #memory-consistency-model, #async-proxy, #tcgen05-memory-consistency-model
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "warp.h"

namespace sim {

struct Cluster;
struct Cta;
struct Origin;

class Clock {
 public:
  uint32_t at(uint16_t dim) const { return dim < t_.size() ? t_[dim] : 0; }
  size_t size() const { return t_.size(); }
  void raise(uint16_t dim, uint32_t to) {
    if (dim >= t_.size()) t_.resize(dim + 1u);
    if (t_[dim] < to) t_[dim] = to;
  }
  void join(const Clock& o) {
    if (t_.size() < o.t_.size()) t_.resize(o.t_.size());
    for (size_t k = 0; k < o.t_.size(); ++k) t_[k] = t_[k] < o.t_[k] ? o.t_[k] : t_[k];
  }
  void clear() { t_.clear(); }

 private:
  std::vector<uint32_t> t_;
};

// What whoever arrives leaves for whoever waits.
struct Sync {
  Clock seen;    // events that are complete
  Clock fenced;  // of these, generic accesses that a fence.proxy.async lies behind
  Clock piped;   // tcgen05 operations in flight, made to precede by tcgen05.fence::before_thread_sync
  void join(const Sync& o) { seen.join(o.seen), fenced.join(o.fenced), piped.join(o.piped); }
  void clear() { seen.clear(), fenced.clear(), piped.clear(); }
};

struct Event {
  uint16_t dim = 0;
  uint32_t count = 0;
};

// A warp's side: what it knows.
struct Agent {
  static constexpr uint16_t DIMS = 6;  // each warp has these, one after the other
  uint16_t dim, tensor_dim, tmem_dim, tmem_write_dim, bulk_dim, copy_dim;
  uint32_t now = 1;                                                        // of its own events
  uint32_t tensor = 0, tmem_read = 0, tmem_write = 0, bulk = 0, copy = 0;  // events made so far in its other dimensions
  Sync known;
  Clock piped_by_sync;  // arrives with a barrier; counts from tcgen05.fence::after_thread_sync on
  Sync published;       // what was known at the last fence that releases: a relaxed arrival carries that much
  Sync observed;        // by relaxed waits: known from the next fence that acquires on
};

// Bytes [from, to) of shared memory that an operation of the tensor core reads in a race, `why` the race's sentence.
struct Doubt {
  uint32_t from, to;
  const Origin* why;
  Event write;  // that it raced with
  uint32_t by;  // its instruction
};

// An operation of the tensor core whose reads may race as long as nothing comes of it (results.h).
struct TensorRead {
  std::vector<Doubt> doubts;  // that its reads had when it was issued, one a write and sentence
  virtual ~TensorRead() = default;
  void remember(const std::vector<Doubt>& more) {
    for (const Doubt& d : more)
      if (doubts.empty() || doubts.back().why != d.why || doubts.back().write.count != d.write.count) doubts.push_back(d);
  }
  // Bytes that it reads may have changed by then: taints what it computed from them. False: that has been used.
  virtual bool changed(Cta& where, const std::vector<Doubt>& bytes) = 0;
};

class Order {
 public:
  void start(bool on, Cluster& cluster, uint32_t warps_a_cta);
  bool on() const { return on_; }
  Agent& agent(const Warp& w);
  uint16_t new_dim(std::string name);
  const std::string& name_of(uint16_t dim) const { return names_[dim]; }

  // ---- synchronisation
  void release(const Warp& w, Sync& into);
  void acquire(const Warp& w, const Sync& from);
  // A relaxed arrival leaves what a fence before it published; a relaxed wait takes for a fence behind it.
  void release_relaxed(const Warp& w, Sync& into);
  void acquire_relaxed(const Warp& w, const Sync& from);
  void fence(const Warp& w, bool acquires, bool releases);
  void fence_proxy_async(const Warp& w);
  void tcgen05_fence_before(const Warp& w);
  void tcgen05_fence_after(const Warp& w);
  // A warp has ended: a barrier that no longer waits for it comes after all it did.
  void exit(const Warp& w);
  // The last warp of a CTA has: its shared memory goes with it, so whatever other CTAs did there must come before the end of one of
  // its warps (CUDA C++ Programming Guide, Distributed Shared Memory).
  void cta_exit(Warp& w, const Instr& in);
  void acquire_exits(const Warp& w, bool of_whole_cluster);

  // ---- events of asynchronous operations
  Event next_tensor(const Warp& w);                      // tcgen05.mma, .cp, .shift
  Event tensor_so_far(const Warp& w);                    // what a tcgen05.commit covers
  Event next_tmem_read(const Warp& w), next_tmem_write(const Warp& w);  // tcgen05.ld, .st
  void wait_tmem_reads(const Warp& w), wait_tmem_writes(const Warp& w);
  Event open_bulk(const Warp& w);                        // of the bulk group that is open
  void commit_bulk(const Warp& w) {
    if (on_) ++agent(w).bulk;
  }
  void wait_bulk(const Warp& w, uint32_t still_open);
  uint16_t copies_dim(const Warp& w) { return on_ ? agent(w).copy_dim : uint16_t(0); }  // of cp.async, in epochs of its warp
  void know(const Warp& w, Event e);                     // however the warp learned that it is complete

  // ---- accesses; each traps with a sentence when it is not ordered after a conflicting one
  // A warp's own access to bytes of shared memory of `where`. `sync`: volatile, relaxed, atomic: does not race
  // with its like.
  void generic(Warp& w, const Instr& in, unsigned lane, Cta& where, uint32_t offset, uint32_t bytes, bool write,
               bool sync);
  // The same for the lanes of `lanes`, `bytes` each, at shared-window addresses of one CTA.
  void generic(Warp& w, const Instr& in, uint32_t lanes, Cta& where, const uint64_t* addresses, uint32_t bytes,
               bool write, bool sync);
  // Two unordered writes of one value are no fault (every warp clears a flag): whether a write changed what another
  // warp wrote is seen once it is done. The machine asks after each turn.
  void settle();
  // By an asynchronous operation that `w` issues now and that `done` will tell to be complete.
  void async_read(Warp& w, const Instr& in, unsigned lane, Cta& where, uint32_t offset, uint32_t bytes, Event done);
  // The same by the tensor core: what races is added to `doubts` instead.
  void tensor_read(Warp& w, const Instr& in, unsigned lane, Cta& where, uint32_t offset, uint32_t bytes, Event done,
                   std::vector<Doubt>& doubts);
  // Something else goes wrong while `write` is in flight: the sentence of the last such race with it, "" when there was none.
  std::string raced_with(Event write) const;
  // The operation `done` tells of answers for its reads: a later write that races with one is its to judge.
  void answers(Event done, std::shared_ptr<TensorRead> read);
  // `reduces`: element by element atomic, does not race with its like.
  void async_write(Warp& w, const Instr& in, unsigned lane, Cta& where, uint32_t offset, uint32_t bytes,
                   Event done, bool reduces = false);
  // Tensor memory: columns [column, column + n) of the half quadrants of 16 lanes set in `halves` (bit h: lanes
  // 16h to 16h + 15). `done` is an event of the tensor core or of tcgen05.ld / .st.
  void tmem(Warp& w, const Instr& in, unsigned lane, Cta& where, uint32_t halves, uint32_t column, uint32_t n,
            bool write, Event done);
  // Of a word that counts as unwritten: "nobody has written", or which operation of the tensor core made it of such.
  std::string maker_of_unwritten(const Cta& where, uint32_t row, uint32_t column) const;
  // Columns that are freed: whoever reached them must be done. What comes later starts afresh.
  void release_columns(Warp& w, const Instr& in, Cta& where, uint32_t column, uint32_t n);

 private:
  struct Access {
    uint32_t count = 0;
    uint16_t dim = 0, mask = 0;  // mask: bytes of the granule. 0: no access
    uint32_t by = 0;             // instruction of the program, SYNC set when it cannot race with its like
  };
  struct Granule {
    Access write, read;
    uint32_t crowd = 0;  // 1 + index of others that were there at the same time; 0: none
  };
  struct Also {
    Access access;
    bool writes;
  };
  enum Kind : uint8_t { warp, tensor, tmem_read, tmem_write, bulk, copy, phase };
  static constexpr uint32_t SYNC = 1u << 31;
  struct Pass;

  struct Suspect {
    Warp* warp;
    const Instr* instr;
    unsigned lane;
    Cta* where;
    uint32_t offset, bytes;
    uint8_t before[16];
    Access other;
  };

  struct Race {  // a write with reads of one operation of the tensor core
    TensorRead* with;
    Access read;
    std::vector<Doubt> bytes;
  };

  Granule* granules(Cta& c);
  Granule* columns(Cta& c);
  template <class F>
  bool any_in_crowd(Granule& g, F f);  // f(Also&): true ends it
  void join_crowd(Granule& g, const Access& a, bool writes);
  void clear_crowd(Granule& g, uint16_t mask);  // of accesses to these bytes
  void took_read(Granule& g, const Access& mine, bool knows_other);
  void took_write(Granule& g, const Access& mine, bool knows_other);
  void one_generic(Pass& p, uint32_t offset, uint32_t bytes);
  template <class F>
  void one_async_read(Pass& p, uint32_t offset, uint32_t bytes, F races);
  TensorRead* answers_for(const Access& read) const;
  bool left_to_its_results(const Access& read, uint32_t from, uint32_t to);
  void judge_races(const Pass& p);
  void blame_read_between(const Granule& g, const Access& write) const;
  void forget_reads();
  std::string sentence(const Pass& p, const std::string& place, bool write, const Access& other, bool other_writes,
                       const char* missing = nullptr) const;
  [[noreturn]] void conflict(const Pass& p, const std::string& place, bool write, const Access& other,
                             bool other_writes, const char* missing = nullptr);
  std::string whom(const Access& e, const Warp& asking) const;
  std::string missing_between(const Pass& p, const Access& e) const;
  std::string line_of(const Warp& w, const Access& e) const;

  bool on_ = false;
  uint32_t warps_ = 0;
  Cluster* cluster_ = nullptr;
  std::vector<Agent> agents_;
  std::vector<std::string> names_;
  std::vector<Kind> kinds_;
  std::vector<Suspect> suspects_;
  std::vector<Race> races_;  // of the write that is looked at
  std::unordered_map<uint64_t, std::shared_ptr<TensorRead>> reads_;  // by event
  size_t reads_at_most_ = 0;                                         // before those that no granule names any more are let go
  struct Raced {
    uint32_t count = 0;
    const Origin* why = nullptr;
  };
  std::vector<Raced> raced_;                         // by dimension of the write, the last one
  std::vector<std::vector<Granule>> shared_, tmem_;  // by CTA rank
  std::vector<std::vector<Also>> crowds_;
  std::vector<uint32_t> free_crowds_;
  std::vector<Sync> exited_;  // by CTA rank
};

}  // namespace sim
