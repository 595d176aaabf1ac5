// Global memory: a large reserved range of host addresses, so that a device address is the host address of
// its bytes. Allocations are apart from one another, so an access past the end of one is seen, and freed
// addresses are not handed out again until the range is used up.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "shadow.h"

namespace sim {

struct Allocation {
  uint64_t base = 0, bytes = 0;
  std::string name;                       // "allocation 7" or a variable's name
  bool read_only = false;                 // .const
  std::atomic<bool> all_written = false;  // no need to look at the shadow
  bool live = true;
};

using Allocations = std::vector<std::shared_ptr<Allocation>>;

class Memory {
 public:
  Memory();
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  static Memory& device();  // the one virtual GPU of this process

  uint64_t allocate(uint64_t bytes, const std::string& name = "", uint64_t align = 512);  // 0: out of memory
  bool release(uint64_t base);
  std::shared_ptr<Allocation> find(
      uint64_t address) const;  // the allocation that holds or most closely precedes the address
  std::shared_ptr<const Allocations> list()
      const;  // by address; the same object until an allocation comes or goes
  bool holds(uint64_t address) const { return address - base_ < reserved_; }
  Shadow shadow() const { return Shadow(shadow_ - (base_ >> 3)); }  // indexed by device address
  uint64_t total() const { return capacity_; }
  uint64_t in_use() const { return used_; }
  void mark(Allocation& a, uint64_t address, uint64_t bytes);  // written by the host

  // Why [address, address+bytes) cannot be accessed: "" when it can.
  std::string fault(uint64_t address, uint64_t bytes) const;

 private:
  mutable std::shared_mutex lock_;
  std::map<uint64_t, std::shared_ptr<Allocation>> allocations_;  // by base
  std::map<uint64_t, uint64_t> graves_;  // freed: base, bytes, for the sentence "freed"
  uint8_t* shadow_ = nullptr;
  uint64_t base_ = 0, reserved_ = 0, capacity_ = 0, next_ = 0, used_ = 0, count_ = 0;
  mutable std::shared_ptr<const Allocations> list_;  // null: an allocation came or went since
};

}  // namespace sim
