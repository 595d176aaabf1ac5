#include "memory.h"

#include <sys/mman.h>

#include <new>

namespace sim {

namespace {
constexpr uint64_t WANTED_BASE = 0x300000000000, RESERVED = uint64_t(1) << 41, GAP = 4096;
constexpr uint64_t CAPACITY = uint64_t(192) << 30;  // B200: 192 GB

uint8_t* reserve(uint64_t where, uint64_t bytes) {
  void* p = mmap(reinterpret_cast<void*>(where), bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (where ? MAP_FIXED_NOREPLACE : 0), -1, 0);
  return p == MAP_FAILED ? nullptr : static_cast<uint8_t*>(p);
}
void drop(uint64_t from, uint64_t bytes) {  // whole pages go back to the host and read as zero again
  uint64_t a = round_up(from, 4096), b = (from + bytes) & ~uint64_t(4095);
  if (b > a) madvise(reinterpret_cast<void*>(a), b - a, MADV_DONTNEED);
}
}  // namespace

Memory& Memory::device() {
  static Memory* memory =
      new Memory;  // lives as long as the process: worker threads may outlast static destructors
  return *memory;
}

Memory::Memory() {
  // A second machine, or a host with little address space, takes what it gets.
  for (uint64_t bytes = RESERVED; bytes >= (uint64_t(1) << 34) && !base_; bytes /= 2)
    for (uint64_t where : {WANTED_BASE, uint64_t(0)})
      if (uint8_t* p = base_ ? nullptr : reserve(where, bytes)) base_ = uint64_t(p), reserved_ = bytes;
  if (base_) shadow_ = reserve(0, reserved_ / 8);
  if (!shadow_) throw std::bad_alloc();
  capacity_ = CAPACITY < reserved_ / 2 ? CAPACITY : reserved_ / 2;
  next_ = base_ + (uint64_t(1) << 20);
}

Memory::~Memory() {
  munmap(reinterpret_cast<void*>(base_), reserved_);
  munmap(shadow_, reserved_ / 8);
}

uint64_t Memory::allocate(uint64_t bytes, const std::string& name, uint64_t align) {
  std::unique_lock guard(lock_);
  if (bytes == 0 || bytes > capacity_ - used_) return 0;
  uint64_t at = round_up(next_, align < 512 ? 512 : align);
  if (at + bytes + GAP > base_ + reserved_) {
    // The range went round: take the first hole between live allocations that is large enough.
    at = base_ + (uint64_t(1) << 20);
    for (const auto& [base, a] : allocations_) {
      if (at + bytes + GAP <= base) break;
      at = round_up(base + a->bytes + GAP, align < 512 ? 512 : align);
    }
    if (at + bytes + GAP > base_ + reserved_) return 0;
    for (auto it = graves_.begin(); it != graves_.end();)
      it = it->first < at + bytes && at < it->first + it->second ? graves_.erase(it) : std::next(it);
  } else {
    next_ = at + bytes + GAP;
  }
  auto a = std::make_shared<Allocation>();
  a->base = at, a->bytes = bytes;
  a->name = name.empty() ? "allocation " + std::to_string(++count_) : name;
  allocations_[at] = a;
  used_ += bytes;
  list_ = nullptr;
  return at;
}

bool Memory::release(uint64_t base) {
  std::unique_lock guard(lock_);
  auto it = allocations_.find(base);
  if (it == allocations_.end()) return false;
  uint64_t bytes = it->second->bytes;
  it->second->live = false;
  used_ -= bytes;
  graves_[base] = bytes;
  allocations_.erase(it);
  drop(base, bytes);
  // Shadow bits of the edges are cleared by hand, whole pages by the host.
  uint64_t s0 = uint64_t(shadow_) + ((base - base_) >> 3), n = round_up(bytes, 8) >> 3;
  if (n <= 8192)
    std::memset(reinterpret_cast<void*>(s0), 0, n);
  else {
    uint64_t a = round_up(s0, 4096), b = (s0 + n) & ~uint64_t(4095);
    std::memset(reinterpret_cast<void*>(s0), 0, a - s0);
    drop(a, b - a);
    std::memset(reinterpret_cast<void*>(b), 0, s0 + n - b);
  }
  list_ = nullptr;
  return true;
}

std::shared_ptr<Allocation> Memory::find(uint64_t address) const {
  std::shared_lock guard(lock_);
  auto it = allocations_.upper_bound(address);
  return it == allocations_.begin() ? nullptr : std::prev(it)->second;
}

std::shared_ptr<const Allocations> Memory::list() const {
  std::unique_lock guard(lock_);
  if (!list_) {
    auto all = std::make_shared<Allocations>();
    for (const auto& [base, a] : allocations_) all->push_back(a);
    list_ = all;
  }
  return list_;
}

void Memory::mark(Allocation& a, uint64_t address, uint64_t bytes) {
  if (a.all_written.load(std::memory_order_relaxed)) return;
  if (address == a.base && bytes == a.bytes)
    a.all_written.store(true, std::memory_order_relaxed);
  else
    shadow().mark(address, bytes);
}

std::string Memory::fault(uint64_t address, uint64_t bytes) const {
  std::shared_lock guard(lock_);
  auto it = allocations_.upper_bound(address);
  const Allocation* before = it == allocations_.begin() ? nullptr : std::prev(it)->second.get();
  if (before && address + bytes <= before->base + before->bytes) return "";
  auto grave = graves_.upper_bound(address);
  if (grave != graves_.begin() && address < std::prev(grave)->first + std::prev(grave)->second)
    return "offset " + std::to_string(address - std::prev(grave)->first) + " of an allocation of " +
           std::to_string(std::prev(grave)->second) + " bytes that was freed";
  if (!holds(address)) return "no global memory there";
  if (before && address - before->base < before->bytes + (uint64_t(1) << 30))
    return "offset " + std::to_string(address - before->base) + " of " + before->name + ", which has " +
           std::to_string(before->bytes) + " bytes";
  return "no allocation near it";
}

}  // namespace sim
