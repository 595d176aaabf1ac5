// What a launch did, counted while LaunchConfig::profile is set: instructions by class, bytes by way, bank conflicts,
// sectors, multiply-adds, waits. Counts, and no time: a model of a GPU's time is made of them elsewhere.
#pragma once
#include <array>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "access.h"
#include "cta.h"

namespace sim {

// Which bytes of global memory were touched: a bit a byte, in pages.
class Touched {
 public:
  void add(uint64_t address, uint64_t bytes);
  void merge(const Touched& o);
  uint64_t count() const;

 private:
  static constexpr uint64_t PAGE = 1 << 16;
  using Bits = std::array<uint64_t, PAGE / 64>;
  std::unordered_map<uint64_t, std::unique_ptr<Bits>> pages_;
  uint64_t recent_page_ = ~uint64_t(0);
  Bits* recent_ = nullptr;
};

// One host thread's counts.
struct Counters {
  enum Way { global_load, global_store, shared_load, shared_store, local_load, local_store, WAYS };
  struct Count {
    uint64_t warp = 0, thread = 0;
  };
  struct Pair {
    uint64_t issued = 0, ideal = 0;
  };
  std::vector<Count> runs;  // straight runs that began at each instruction
  uint64_t bytes[WAYS] = {};
  Pair wavefronts, sectors;  // of shared and of global memory
  Touched read, written;
  std::map<std::string, uint64_t> tensor;  // multiply-adds of tcgen05.mma by kind
  uint64_t barrier_waits = 0, mbarrier_waits = 0, cluster_waits = 0;
  uint32_t tmem_columns = 0;

  void ran(size_t at, uint32_t lanes) { ++runs[at].warp, runs[at].thread += unsigned(__builtin_popcount(lanes)); }
  // One lane's access through the generic proxy; those of one execution of an instruction are held together.
  void access(const Warp& w, const Instr& in, Space space, uint64_t address, uint32_t bytes, Access kind);
  void flush();
  void merge(Counters& o);

 private:
  struct Piece {
    uint64_t address;
    uint32_t bytes;
  };
  void wavefronts_of_pending();
  void sectors_of_pending();
  const Instr* instr_ = nullptr;
  const Warp* warp_ = nullptr;
  uint64_t when_ = 0;
  Space space_ = Space::global;
  std::vector<Piece> pending_;
};

// Of a whole launch.
struct Profile {
  std::string kernel;
  Dim3 grid, block, cluster;
  uint32_t registers = 0, static_shared = 0, dynamic_shared = 0;
  uint64_t warp_instructions = 0, thread_instructions = 0;
  double seconds = 0;
  std::map<std::string, Counters::Count> instructions;  // by class
  std::map<std::string, uint64_t> multiply_adds;        // by kind, of all tensor core instructions
  uint64_t tmem_load = 0, tmem_store = 0, tma_load = 0, tma_store = 0;
  Counters counts;

  // Takes a launch's merged counts apart: per instruction of the program, then by class.
  Profile(const Launch& l, Counters&& merged);
  std::string json() const;
};

}  // namespace sim
