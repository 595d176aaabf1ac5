// zstd frames (RFC 8878) without dictionaries, which fat binaries do not use. Checksums are skipped: the
// caller knows the size, and what comes out is parsed as PTX.
#include <algorithm>
#include <array>

#include "zstd_bits.h"

namespace sim::host {

namespace zstd {
namespace {

struct Code {
  uint32_t base;
  uint8_t bits;
};
// RFC 8878 3.1.1.3.2.1.1, tables of literals length and match length codes
constexpr Code LITERALS[] = {{0, 0},     {1, 0},     {2, 0},     {3, 0},      {4, 0},      {5, 0},
                             {6, 0},     {7, 0},     {8, 0},     {9, 0},      {10, 0},     {11, 0},
                             {12, 0},    {13, 0},    {14, 0},    {15, 0},     {16, 1},     {18, 1},
                             {20, 1},    {22, 1},    {24, 2},    {28, 2},     {32, 3},     {40, 3},
                             {48, 4},    {64, 6},    {128, 7},   {256, 8},    {512, 9},    {1024, 10},
                             {2048, 11}, {4096, 12}, {8192, 13}, {16384, 14}, {32768, 15}, {65536, 16}};
constexpr Code LONG_MATCHES[] = {{35, 1},     {37, 1},     {39, 1},    {41, 1},    {43, 2},    {47, 2},
                                 {51, 3},     {59, 3},     {67, 4},    {83, 4},    {99, 5},    {131, 7},
                                 {259, 8},    {515, 9},    {1027, 10}, {2051, 11}, {4099, 12}, {8195, 13},
                                 {16387, 14}, {32771, 15}, {65539, 16}};
Code match_code(unsigned c) { return c < 32 ? Code{c + 3, 0} : LONG_MATCHES[c - 32]; }

// RFC 8878 3.1.1.3.2.2, default distributions
constexpr int16_t DEFAULT_LITERALS[] = {4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1,  1,  2,  2,
                                        2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1};
constexpr int16_t DEFAULT_MATCHES[] = {1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1,  1,  1,  1,  1,  1,  1, 1,
                                       1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  1,  1,  1,  1,  1,  1, 1,
                                       1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1};
constexpr int16_t DEFAULT_OFFSETS[] = {1, 1, 1, 1, 1, 1, 2, 2, 2, 1,  1,  1,  1,  1, 1,
                                       1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1};

constexpr size_t MAX_BLOCK = 128 * 1024;

// What one block leaves for the next ones of its frame.
struct Frame {
  std::vector<uint8_t>& out;
  size_t begin, limit;  // where the frame's output starts; all output at most
  Huffman huffman;
  Fse lengths, offsets, matches;
  std::array<uint32_t, 3> recent = {1, 4, 8};

  void room(size_t n) const {
    if (n > limit - out.size()) bad("more comes out than the " + std::to_string(limit) + " bytes expected");
  }
  void block(Bytes in);
  std::vector<uint8_t> literals(Cursor& c);
  void sequences(Cursor& c, const std::vector<uint8_t>& literals);
};

std::vector<uint8_t> Frame::literals(Cursor& c) {
  unsigned first = c.in.size() > c.at ? c.in[c.at] : 0, type = first & 3, format = first >> 2 & 3;
  std::vector<uint8_t> out;
  if (type < 2) {  // raw, one byte repeated
    unsigned header = format == 1 ? 2 : format == 3 ? 3 : 1;
    size_t size = c.number(header) >> (header == 1 ? 3 : 4);
    if (size > MAX_BLOCK) bad("a block larger than 128 KB");
    if (type == 0) {
      Bytes raw = c.take(size);
      out.assign(raw.begin(), raw.end());
    } else {
      out.assign(size, uint8_t(c.number(1)));
    }
    return out;
  }
  unsigned bits = format < 2 ? 10 : format == 2 ? 14 : 18;
  uint64_t header = c.number(format < 2 ? 3 : format == 2 ? 4 : 5) >> 4;
  size_t size = header & ((1u << bits) - 1), packed = header >> bits;
  if (size > MAX_BLOCK) bad("a block larger than 128 KB");
  Cursor part{c.take(packed)};
  if (type == 2) huffman = Huffman::read(part);
  if (!huffman.log) bad("a block uses the Huffman table of an earlier one, and there is none");
  out.reserve(size);
  if (format == 0) {
    huffman.decode(part.rest(), size, out);
    return out;
  }
  size_t lengths[3], each = (size + 3) / 4;
  for (size_t& n : lengths) n = part.number(2);
  for (size_t n : lengths) huffman.decode(part.take(n), each, out);
  if (out.size() > size) bad("four streams for too few literals");
  huffman.decode(part.rest(), size - out.size(), out);
  return out;
}

void Frame::sequences(Cursor& c, const std::vector<uint8_t>& literals) {
  size_t count = c.number(1), used = 0;
  if (count >= 128) count = count < 255 ? ((count - 128) << 8) + c.number(1) : c.number(2) + 0x7f00;
  auto copy_literals = [&](size_t n) {
    if (n > literals.size() - used) bad("a sequence takes more literals than there are");
    room(n);
    out.insert(out.end(), literals.begin() + ptrdiff_t(used), literals.begin() + ptrdiff_t(used + n));
    used += n;
  };
  if (count) {
    unsigned modes = unsigned(c.number(1));
    auto table = [&](Fse& f, unsigned mode, std::span<const int16_t> usual, unsigned log, unsigned max_log,
                     unsigned max_symbol) {
      if (mode == 0) f = Fse::of(usual, log);
      if (mode == 1) {
        uint8_t symbol = uint8_t(c.number(1));
        if (symbol > max_symbol) bad("an unknown code");
        f = Fse::single(symbol);
      }
      if (mode == 2) f = Fse::read(c, max_log, max_symbol);
      if (f.table.empty()) bad("a block uses the table of an earlier one, and there is none");
    };
    table(lengths, modes >> 6 & 3, DEFAULT_LITERALS, 6, 9, 35);
    table(offsets, modes >> 4 & 3, DEFAULT_OFFSETS, 5, 8, 31);
    table(matches, modes >> 2 & 3, DEFAULT_MATCHES, 6, 9, 52);
    Backward b(c.rest());
    unsigned l = lengths.start(b), o = offsets.start(b), m = matches.start(b);
    for (size_t k = 0; k < count; ++k) {
      unsigned offset_bits = offsets.table[o].symbol;
      Code match = match_code(matches.table[m].symbol), literal = LITERALS[lengths.table[l].symbol];
      uint64_t value = (uint64_t(1) << offset_bits) + b.read(offset_bits);
      size_t length = match.base + b.read(match.bits), plain = literal.base + b.read(literal.bits);
      if (b.left() < 0) bad("a sequence ends early");
      if (k + 1 < count) lengths.next(l, b), matches.next(m, b), offsets.next(o, b);
      copy_literals(plain);
      // RFC 8878 3.1.1.5: values 1 to 3 name recent offsets, shifted by one when there are no literals
      uint64_t offset = value - 3;
      if (value <= 3) {
        unsigned index = unsigned(value) - 1 + (plain == 0);
        offset = index == 3 ? recent[0] - 1 : recent[index];
        if (index > 1) recent[2] = recent[1];
        if (index > 0) recent[1] = recent[0];
      } else {
        recent[2] = recent[1], recent[1] = recent[0];
      }
      recent[0] = uint32_t(offset);
      if (offset == 0 || offset > out.size() - begin) bad("a match reaches before the start");
      room(length);
      for (size_t n = 0; n < length; ++n) out.push_back(out[out.size() - offset]);
    }
    if (b.left() != 0) bad("bits are left over after the last sequence");
  }
  copy_literals(literals.size() - used);
}

void Frame::block(Bytes in) {
  Cursor c{in};
  std::vector<uint8_t> plain = literals(c);
  sequences(c, plain);
}

void frame(Cursor& c, std::vector<uint8_t>& out, size_t limit) {
  unsigned header = unsigned(c.number(1));
  bool single = header & 32, checksum = header & 4;
  if (header & 3) bad("a frame with a dictionary");
  if (!single) c.take(1);  // window size: all output is kept anyway
  constexpr unsigned SIZES[] = {0, 2, 4, 8};
  c.take(header >> 6 ? SIZES[header >> 6] : single);
  Frame f{out, out.size(), limit, {}, {}, {}, {}};
  for (bool last = false; !last;) {
    uint32_t h = uint32_t(c.number(3)), type = h >> 1 & 3;
    size_t size = h >> 3;
    last = h & 1;
    if (type == 3 || size > MAX_BLOCK) bad("an unknown or oversized block");
    if (type == 2) {
      f.block(c.take(size));
    } else if (f.room(size); type == 0) {
      Bytes raw = c.take(size);
      out.insert(out.end(), raw.begin(), raw.end());
    } else {
      out.insert(out.end(), size, uint8_t(c.number(1)));
    }
  }
  if (checksum) c.take(4);
}

}  // namespace
}  // namespace zstd

std::vector<uint8_t> zstd_frames(Bytes in, size_t size) {
  std::vector<uint8_t> out;
  out.reserve(std::min(size, in.size() * 64));
  zstd::Cursor c{in};
  while (c.at < in.size()) {
    uint64_t magic = c.number(4);
    if (magic == 0xfd2fb528)
      zstd::frame(c, out, size);
    else if ((magic & 0xfffffff0) == 0x184d2a50)  // a frame to skip
      c.take(c.number(4));
    else
      zstd::bad("the data does not start with a frame");
  }
  if (out.size() != size)
    zstd::bad("expected " + std::to_string(size) + " bytes, found " + std::to_string(out.size()));
  return out;
}

}  // namespace sim::host
