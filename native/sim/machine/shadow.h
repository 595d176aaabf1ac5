// One bit a byte: has anybody written it? Threads of the host share the bits of a byte of shadow, so its
// edges are set atomically.
#pragma once
#include <cstdint>
#include <cstring>

namespace sim {

class Shadow {
 public:
  explicit Shadow(uint8_t* bits = nullptr) : bits_(bits) {}

  void mark(uint64_t from, uint64_t n) {
    if (n == 0) return;
    uint64_t to = from + n, a = from >> 3, b = to >> 3;
    uint8_t head = uint8_t(0xff << (from & 7)), tail = uint8_t(~(0xff << (to & 7)));
    if (a == b) return set(a, head & tail);
    if (head != 0xff) set(a++, head);
    if (b - a == 16)
      std::memset(bits_ + a, 0xff, 16);
    else if (b > a)
      std::memset(bits_ + a, 0xff, b - a);
    if (tail) set(b, tail);
  }

  bool all(uint64_t from, uint64_t n) const {
    if (n == 0) return true;
    uint64_t to = from + n, a = from >> 3, b = to >> 3;
    uint8_t head = uint8_t(0xff << (from & 7)), tail = uint8_t(~(0xff << (to & 7)));
    if (a == b) return (~bits_[a] & head & tail) == 0;
    if (head != 0xff && (~bits_[a++] & head)) return false;
    for (; a + 8 <= b; a += 8) {
      uint64_t v;
      std::memcpy(&v, bits_ + a, 8);
      if (~v) return false;
    }
    for (; a < b; ++a)
      if (bits_[a] != 0xff) return false;
    return tail == 0 || (~bits_[b] & tail) == 0;
  }

  // Nobody has written these bytes: what a copy of unwritten bytes leaves.
  void clear(uint64_t from, uint64_t n) {
    if (n == 0) return;
    uint64_t to = from + n, a = from >> 3, b = to >> 3;
    uint8_t head = uint8_t(0xff << (from & 7)), tail = uint8_t(~(0xff << (to & 7)));
    if (a == b) return unset(a, head & tail);
    if (head != 0xff) unset(a++, head);
    if (b > a) std::memset(bits_ + a, 0, b - a);
    if (tail) unset(b, tail);
  }

  // first byte in the range that nobody wrote; call only when all() said no
  uint64_t first_unwritten(uint64_t from, uint64_t n) const {
    for (uint64_t k = from; k < from + n; ++k)
      if (!(bits_[k >> 3] >> (k & 7) & 1)) return k;
    return from + n;
  }

 private:
  void set(uint64_t at, uint8_t m) {
    if ((bits_[at] & m) != m) __atomic_fetch_or(bits_ + at, m, __ATOMIC_RELAXED);
  }
  void unset(uint64_t at, uint8_t m) { __atomic_fetch_and(bits_ + at, uint8_t(~m), __ATOMIC_RELAXED); }
  uint8_t* bits_;
};

}  // namespace sim
