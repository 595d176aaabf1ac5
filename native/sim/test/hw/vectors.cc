// Vectors as files, and their comparison with what came.
#include "vectors.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace hw {

std::map<std::string, void (*)(Chapter&)>& chapters() {
  static std::map<std::string, void (*)(Chapter&)> all;
  return all;
}
Chapter chapter(const std::string& name) {
  auto it = chapters().find(name);
  if (it == chapters().end()) throw std::runtime_error("expected the name of a chapter, got '" + name + "'");
  Chapter c{name, {}, ""};
  it->second(c);
  std::map<std::string, int> seen;
  for (const Case& k : c.cases)
    if (seen[k.name]++) throw std::runtime_error(name + ": expected one case named '" + k.name + "', got two");
  return c;
}

uint64_t hash(const void* bytes, size_t n, uint64_t h) {
  const auto* p = static_cast<const uint8_t*>(bytes);
  auto mix = [&](uint64_t w) {
    h = (h ^ w) * 0x9e3779b97f4a7c15ull;
    h ^= h >> 29;
  };
  for (; n >= 8; p += 8, n -= 8) {
    uint64_t w;
    std::memcpy(&w, p, 8);
    mix(w);
  }
  uint64_t tail = 0;
  std::memcpy(&tail, p, n);
  mix(tail ^ uint64_t(n) << 56);
  return h;
}
uint64_t hash(const Case& c) {
  uint64_t h = hash(c.body.data(), c.body.size());
  for (const Input& in : c.inputs()) h = hash(in.bytes.data(), in.bytes.size(), h);
  for (unsigned n : {c.grid, c.block, c.cluster, c.shared}) h = hash(&n, 4, h);
  return h;
}

namespace {
size_t lanes_of(const Case& c) { return (c.out_bytes + c.out_stride - 1) / c.out_stride; }
std::string hex(const uint8_t* p, size_t n) {  // most significant byte first
  std::string s = "0x";
  char two[3];
  for (size_t k = n; k--;) std::snprintf(two, 3, "%02x", p[k]), s += two;
  return s;
}
std::string inputs_of(const Case& c, size_t lane) {
  if (c.describe) return " (" + c.describe(lane) + ")";
  std::string s;
  unsigned k = 0;
  for (const Input& in : c.inputs()) {
    if (in.stride && (lane + 1) * in.stride <= in.bytes.size() && in.stride <= 64)
      s += (s.empty() ? "" : " ") + std::string("in") + std::to_string(k) + "=" +
           hex(in.bytes.data() + lane * in.stride, in.stride);
    ++k;
  }
  return s.empty() ? s : " (" + s + ")";
}
// Steps between two floats of the type; ~0 when one is NaN and the other is not, or their kinds differ.
uint64_t steps(const std::string& type, const uint8_t* a, const uint8_t* b) {
  int64_t x[2];
  const uint8_t* p[2] = {a, b};
  for (int k = 0; k < 2; ++k) {
    uint64_t u = 0, top, inf;
    if (type == "f64")
      std::memcpy(&u, p[k], 8), top = uint64_t(1) << 63, inf = 0x7ff0000000000000ull;
    else if (type == "f32")
      std::memcpy(&u, p[k], 4), top = 1u << 31, inf = 0x7f800000u;
    else
      std::memcpy(&u, p[k], 2), top = 1u << 15, inf = type == "f16" ? 0x7c00 : 0x7f80;
    if ((u & ~top) > inf) return std::memcmp(a, b, type == "f32" ? 4 : type == "f64" ? 8 : 2) ? ~uint64_t(0) : 0;
    x[k] = u & top ? -int64_t(u & ~top) : int64_t(u);
  }
  return uint64_t(x[0] > x[1] ? x[0] - x[1] : x[1] - x[0]);
}
unsigned width_of(const std::string& type) { return type == "f64" ? 8 : type == "f32" ? 4 : 2; }
double value_of(const std::string& type, const uint8_t* p) {
  if (type == "f32") {
    float f;
    std::memcpy(&f, p, 4);
    return f;
  }
  uint16_t h;
  std::memcpy(&h, p, 2);
  if (type == "bf16") {
    const uint32_t u = uint32_t(h) << 16;
    float f;
    std::memcpy(&f, &u, 4);
    return f;
  }
  const int e = h >> 10 & 31, m = h & 1023;
  const double v = e == 31 ? (m ? NAN : INFINITY) : e ? std::ldexp(1024 + m, e - 25) : std::ldexp(m, -24);
  return h >> 15 ? -v : v;
}
}  // namespace

Vector pack(const Case& c, const Bytes& out) {
  Vector v;
  v.inputs = hash(c);
  const size_t raw = std::min(out.size(), c.raw_lanes * c.out_stride), block = size_t(c.hash_lanes) * c.out_stride;
  v.raw.assign(out.begin(), out.begin() + ptrdiff_t(raw));
  for (size_t at = raw; at < out.size(); at += block)
    v.hashes.push_back(hash(out.data() + at, std::min(block, out.size() - at)));
  return v;
}

std::string difference(const Case& c, const Vector& v, const Bytes& got) {
  if (v.inputs != hash(c)) return c.name + ": the vector is of another kernel or other inputs; record it again";
  if (got.size() != c.out_bytes)
    return c.name + ": expected " + std::to_string(c.out_bytes) + " bytes, got " + std::to_string(got.size());
  std::vector<double> scale;
  if (c.scale) scale = c.scale();
  for (size_t lane = 0; lane * c.out_stride < v.raw.size(); ++lane) {
    const size_t at = lane * c.out_stride, n = std::min<size_t>(c.out_stride, v.raw.size() - at);
    if (!std::memcmp(&v.raw[at], &got[at], n)) continue;
    if (!c.bound.type.empty()) {
      const unsigned w = width_of(c.bound.type);
      bool near = true;
      for (size_t e = 0; e < n; e += w) {
        const bool ulp = steps(c.bound.type, &v.raw[at + e], &got[at + e]) <= c.bound.ulp;
        const double gap =
            std::fabs(value_of(c.bound.type, &v.raw[at + e]) - value_of(c.bound.type, &got[at + e]));
        near = near && (ulp || (!scale.empty() && gap <= c.bound.relative * scale[(at + e) / w]));
      }
      if (near) continue;
    }
    return c.name + ", lane " + std::to_string(lane) + inputs_of(c, lane) + ": expected " + hex(&v.raw[at], n) +
           ", got " + hex(&got[at], n);
  }
  if (!c.bound.type.empty()) return "";  // hashes say nothing about nearness
  const size_t block = size_t(c.hash_lanes) * c.out_stride;
  for (size_t k = 0; k < v.hashes.size(); ++k) {
    const size_t at = v.raw.size() + k * block;
    if (hash(&got[at], std::min(block, got.size() - at)) == v.hashes[k]) continue;
    const size_t lane = at / c.out_stride;
    return c.name + ": one of the lanes " + std::to_string(lane) + " to " +
           std::to_string(std::min(lane + c.hash_lanes, lanes_of(c)) - 1) + " differs; lane " +
           std::to_string(lane) + inputs_of(c, lane) + " got " + hex(&got[at], c.out_stride);
  }
  return "";
}

// A file: the magic word, then each case's name, hash of inputs, failure, raw bytes and hashes, lengths before contents.
namespace {
constexpr char MAGIC[8] = {'H', 'W', 'V', 'E', 'C', '1', '\n', 0};
template <class T>
void put(std::string& s, const T& v) {
  s.append(reinterpret_cast<const char*>(&v), sizeof v);
}
void put_bytes(std::string& s, const void* p, size_t n) {
  put(s, uint32_t(n));
  s.append(static_cast<const char*>(p), n);
}
struct Reader {
  const std::string& s;
  size_t at = sizeof MAGIC;
  template <class T>
  T get() {
    T v;
    need(sizeof v);
    std::memcpy(&v, s.data() + at, sizeof v);
    at += sizeof v;
    return v;
  }
  std::string bytes() {
    const size_t n = get<uint32_t>();
    need(n);
    at += n;
    return s.substr(at - n, n);
  }
  void need(size_t n) const {
    if (s.size() - at < n) throw std::runtime_error("a file of vectors ends in the middle");
  }
};
}  // namespace

void write(const std::string& path, const Vectors& all) {
  std::string s(MAGIC, sizeof MAGIC);
  for (const auto& [name, v] : all) {
    put_bytes(s, name.data(), name.size());
    put(s, v.inputs);
    put_bytes(s, v.failure.data(), v.failure.size());
    put_bytes(s, v.raw.data(), v.raw.size());
    put_bytes(s, v.hashes.data(), v.hashes.size() * 8);
  }
  std::ofstream out(path, std::ios::binary);
  if (!(out << s)) throw std::runtime_error("expected to write " + path + ", could not");
}
Vectors read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string s{std::istreambuf_iterator<char>(in), {}};
  if (s.size() < sizeof MAGIC || std::memcmp(s.data(), MAGIC, sizeof MAGIC))
    throw std::runtime_error("expected a file of vectors, got " + path);
  Vectors all;
  Reader r{s};
  while (r.at < s.size()) {
    Vector& v = all[r.bytes()];
    v.inputs = r.get<uint64_t>();
    v.failure = r.bytes();
    const std::string raw = r.bytes(), hashes = r.bytes();
    v.raw.assign(raw.begin(), raw.end());
    v.hashes.resize(hashes.size() / 8);
    std::memcpy(v.hashes.data(), hashes.data(), hashes.size());
  }
  return all;
}

}  // namespace hw
