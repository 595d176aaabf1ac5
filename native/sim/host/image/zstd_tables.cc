#include "zstd_bits.h"

namespace sim::host::zstd {

// RFC 8878 4.1.1: from normalised frequencies (-1: "less than one") to a decoding table.
Fse Fse::of(std::span<const int16_t> frequencies, unsigned log) {
  Fse f{log, std::vector<Entry>(size_t(1) << log)};
  const unsigned size = 1u << log, mask = size - 1, step = (size >> 1) + (size >> 3) + 3;
  std::array<uint32_t, 256> next{};
  unsigned high = size, at = 0;
  for (unsigned s = 0; s < frequencies.size(); ++s)
    if (frequencies[s] == -1) f.table[--high].symbol = uint8_t(s), next[s] = 1;
  for (unsigned s = 0; s < frequencies.size(); ++s) {
    if (frequencies[s] <= 0) continue;
    next[s] = uint32_t(frequencies[s]);
    for (int k = 0; k < frequencies[s]; ++k) {
      f.table[at].symbol = uint8_t(s);
      do at = (at + step) & mask;
      while (at >= high);
    }
  }
  if (at != 0) bad("the frequencies of an FSE table do not fill it");
  for (Entry& e : f.table) {
    uint32_t n = next[e.symbol]++;
    e.bits = uint8_t(log - (std::bit_width(n) - 1));
    e.base = uint16_t((n << e.bits) - size);
  }
  return f;
}

Fse Fse::read(Cursor& c, unsigned max_log, unsigned max_symbol) {
  Bytes in = c.in.subspan(c.at);
  size_t at = 0;  // in bits
  auto bits = [&](unsigned n) {
    uint32_t v = 0;
    for (unsigned k = 0; k < n; ++k, ++at) {
      if (at / 8 >= in.size()) bad("an FSE table ends early");
      v |= uint32_t(in[at / 8] >> at % 8 & 1) << k;
    }
    return v;
  };
  unsigned log = bits(4) + 5;
  if (log > max_log) bad("an FSE table of accuracy " + std::to_string(log));
  std::vector<int16_t> frequencies;
  int remaining = 1 << log;
  auto add = [&](int f) {
    if (frequencies.size() > max_symbol) bad("an FSE table has too many symbols");
    frequencies.push_back(int16_t(f));
  };
  while (remaining > 0) {
    unsigned n = unsigned(std::bit_width(unsigned(remaining + 1)));
    uint32_t v = bits(n), low = (1u << (n - 1)) - 1, threshold = (1u << n) - 1 - uint32_t(remaining + 1);
    if ((v & low) < threshold)
      v &= low, --at;  // the short form: one bit less
    else if (v > low)
      v -= threshold;
    int f = int(v) - 1;
    remaining -= f < 0 ? 1 : f;
    add(f);
    if (f == 0)
      for (unsigned repeat = 3; repeat == 3;) {
        repeat = bits(2);
        for (unsigned k = 0; k < repeat; ++k) add(0);
      }
  }
  if (remaining < 0) bad("the frequencies of an FSE table exceed it");
  c.take((at + 7) / 8);
  return of(frequencies, log);
}

// RFC 8878 4.2.1: weights, as nibbles or FSE coded; the last one is implied.
Huffman Huffman::read(Cursor& c) {
  std::vector<uint8_t> weights;
  unsigned header = unsigned(c.number(1));
  if (header >= 128) {
    unsigned n = header - 127;
    Bytes nibbles = c.take((n + 1) / 2);
    for (unsigned k = 0; k < n; ++k) weights.push_back(k % 2 ? nibbles[k / 2] & 15 : nibbles[k / 2] >> 4);
  } else {
    Cursor part{c.take(header)};
    Fse f = Fse::read(part, 6, 255);
    Backward b(part.rest());
    unsigned state[2];
    for (unsigned& s : state) s = f.start(b);
    for (unsigned k = 0;; k ^= 1) {  // two states take turns until the bits are used up
      if (weights.size() > 254) bad("a Huffman table has too many symbols");
      weights.push_back(f.table[state[k]].symbol);
      f.next(state[k], b);
      if (b.left() < 0) {
        weights.push_back(f.table[state[k ^ 1]].symbol);
        break;
      }
    }
  }
  uint32_t total = 0;
  for (uint8_t w : weights) {
    if (w > 11) bad("a Huffman code longer than 11 bits");
    total += w ? 1u << (w - 1) : 0;
  }
  if (!total || weights.size() > 255) bad("a Huffman table without codes");
  Huffman h;
  h.log = unsigned(std::bit_width(total));
  uint32_t left = (1u << h.log) - total;
  if (h.log > 11 || !std::has_single_bit(left)) bad("the weights of a Huffman table do not fill it");
  weights.push_back(uint8_t(std::bit_width(left)));
  for (unsigned w = 1; w <= h.log; ++w)
    for (size_t s = 0; s < weights.size(); ++s)
      if (weights[s] == w)
        h.table.insert(h.table.end(), size_t(1) << (w - 1), {uint8_t(s), uint8_t(h.log + 1 - w)});
  return h;
}

void Huffman::decode(Bytes stream, size_t count, std::vector<uint8_t>& out) const {
  Backward b(stream);
  for (size_t k = 0; k < count; ++k) {
    Entry e = table[b.peek(log)];
    out.push_back(e.symbol);
    b.skip(e.bits);
  }
  if (b.left() != 0) bad("a Huffman stream does not end with its last symbol");
}

}  // namespace sim::host::zstd
