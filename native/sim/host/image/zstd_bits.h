// The two bit orders of zstd and its entropy tables: FSE (RFC 8878 4.1) and Huffman (RFC 8878 4.2).
#pragma once
#include <array>
#include <bit>

#include "decode.h"

namespace sim::host::zstd {

[[noreturn]] inline void bad(const std::string& what) { throw DecodeError("zstd: " + what); }

// Bytes in order.
struct Cursor {
  Bytes in;
  size_t at = 0;
  Bytes take(size_t n) {
    if (n > in.size() - at) bad("the data ends early");
    Bytes part = in.subspan(at, n);
    at += n;
    return part;
  }
  uint64_t number(unsigned bytes) {
    uint64_t v = 0;
    Bytes part = take(bytes);
    for (unsigned k = 0; k < bytes; ++k) v |= uint64_t(part[k]) << 8 * k;
    return v;
  }
  Bytes rest() { return take(in.size() - at); }
};

// Bits from the end to the start; the highest set bit of the last byte only marks where they begin.
class Backward {
 public:
  explicit Backward(Bytes in) : in_(in) {
    if (in.empty() || in.back() == 0) bad("a bit stream has no end mark");
    at_ = int64_t(in.size()) * 8 - std::countl_zero(in.back()) - 1;
  }
  // Bits before the start read as zero; left() is negative then.
  uint64_t read(unsigned n) {
    at_ -= n;
    return peek_at(at_, n);
  }
  uint64_t peek(unsigned n) const { return peek_at(at_ - n, n); }
  void skip(unsigned n) { at_ -= n; }
  int64_t left() const { return at_; }

 private:
  uint64_t peek_at(int64_t at, unsigned n) const {
    uint64_t v = 0;
    int64_t first = at >> 3;
    for (int64_t k = 0; k < 8; ++k)
      if (first + k >= 0 && first + k < int64_t(in_.size())) v |= uint64_t(in_[size_t(first + k)]) << 8 * k;
    return (v >> (at & 7)) &
           ((uint64_t(1) << n) - 1);  // n is at most 31 + extra: it fits with 7 bits of shift
  }
  Bytes in_;
  int64_t at_;
};

struct Fse {
  struct Entry {
    uint8_t symbol, bits;
    uint16_t base;
  };
  unsigned log = 0;
  std::vector<Entry> table;

  static Fse of(std::span<const int16_t> frequencies, unsigned log);
  static Fse single(uint8_t symbol) { return {0, {{symbol, 0, 0}}}; }
  static Fse read(Cursor& c, unsigned max_log, unsigned max_symbol);

  unsigned start(Backward& b) const { return unsigned(b.read(log)); }
  void next(unsigned& state, Backward& b) const {
    state = table[state].base + unsigned(b.read(table[state].bits));
  }
};

struct Huffman {
  struct Entry {
    uint8_t symbol, bits;
  };
  unsigned log = 0;  // 0: none yet
  std::vector<Entry> table;

  static Huffman read(Cursor& c);
  void decode(Bytes stream, size_t count, std::vector<uint8_t>& out) const;
};

}  // namespace sim::host::zstd
