#include "safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "json.h"
#include "native/device/error.h"

namespace engine {
namespace {

using device::fail;
using device::sentence;

constexpr uint64_t kMaxHeader = 100'000'000;  // what the format's own library accepts

constexpr struct {
  const char* name;
  size_t bytes;
} kTypes[] = {{"F64", 8}, {"I64", 8}, {"U64", 8}, {"F32", 4}, {"I32", 4}, {"U32", 4}, {"BF16", 2}, {"F16", 2},
              {"I16", 2}, {"U16", 2}, {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"F8_E8M0", 1}, {"I8", 1}, {"U8", 1}, {"BOOL", 1}};

struct Range {
  uint64_t begin, end;
  std::string name;
};

Range parse_entry(const std::string& tensor, const Json& raw, size_t data_size, Entry& e) {
  if (!raw.is(Json::Kind::object)) fail(tensor, ": expected an object, got ", raw.show());
  for (const auto& [key, v] : raw.members())
    if (key != "dtype" && key != "shape" && key != "data_offsets")
      fail(tensor, ": expected dtype, shape and data_offsets, got \"", key, "\"");
  const Json *dtype = raw.find("dtype"), *shape = raw.find("shape"), *offsets = raw.find("data_offsets");
  size_t element = 0;
  if (dtype && dtype->is(Json::Kind::string))
    for (const auto& t : kTypes)
      if (dtype->text() == t.name) element = t.bytes;
  if (!element) fail(tensor, ": expected a known dtype, got ", dtype ? dtype->show() : "none");
  e.dtype = dtype->text();
  if (!shape || !shape->is(Json::Kind::array)) fail(tensor, ": expected a shape, got ", shape ? shape->show() : "none");
  uint64_t want = element;
  for (const Json& d : shape->items()) {
    const auto n = d.integer();
    if (!n || *n < 0) fail(tensor, ": expected a shape of non-negative integers, got ", shape->show());
    if (__builtin_mul_overflow(want, uint64_t(*n), &want) || want > uint64_t(INT64_MAX))
      fail(tensor, ": expected a shape whose bytes fit 63 bits, got ", shape->show());
    e.shape.push_back(*n);
  }
  const bool two = offsets && offsets->is(Json::Kind::array) && offsets->items().size() == 2;
  const auto begin = two ? offsets->items()[0].integer() : std::nullopt, end = two ? offsets->items()[1].integer() : std::nullopt;
  if (!begin || !end || *begin < 0 || *end < *begin)
    fail(tensor, ": expected data_offsets [begin, end], got ", offsets ? offsets->show() : "none");
  if (uint64_t(*end - *begin) != want)
    fail(tensor, ": expected data_offsets to span ", want, " bytes, got ", *end - *begin);
  if (uint64_t(*end) > data_size)
    fail(tensor, ": expected its data within the file's ", data_size, " bytes of tensors, got an end at ", *end, " (truncated?)");
  return {uint64_t(*begin), uint64_t(*end), tensor};
}

}  // namespace

std::string describe(const std::string& dtype, const std::vector<int64_t>& shape) {
  std::string s = dtype + " [";
  for (size_t i = 0; i < shape.size(); ++i) s += (i ? ", " : "") + std::to_string(shape[i]);
  return s + "]";
}

Safetensors::Safetensors(const std::string& path) : path_(path) {
  map();
  try {
    read_header();
  } catch (...) {
    munmap(const_cast<uint8_t*>(base_), size_);
    throw;
  }
}

Safetensors::~Safetensors() { munmap(const_cast<uint8_t*>(base_), size_); }

void Safetensors::map() {
  const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(path_, ": expected a readable file, got ", std::strerror(errno));
  struct stat st;
  const bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
  size_ = ok ? size_t(st.st_size) : 0;
  void* p = size_ >= 8 ? mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
  const int error = errno;
  close(fd);
  if (size_ < 8) fail(path_, ": expected a file of at least 8 bytes, got ", ok ? sentence(size_) : "no regular file");
  if (p == MAP_FAILED) fail(path_, ": expected to map ", size_, " bytes, got ", std::strerror(error));
  base_ = static_cast<const uint8_t*>(p);
}

void Safetensors::read_header() {
  uint64_t length;
  std::memcpy(&length, base_, 8);
  if (length > kMaxHeader || length > size_ - 8)
    fail(path_, ": expected a header length within the file of ", size_, " bytes and ", kMaxHeader, ", got ", length);
  const uint8_t* data = base_ + 8 + length;
  const size_t data_size = size_ - 8 - length;
  const Json header = Json::parse({reinterpret_cast<const char*>(base_ + 8), length}, path_);
  if (!header.is(Json::Kind::object)) fail(path_, ": expected the header to be a JSON object, got ", header.show());
  std::vector<Range> ranges;
  for (const auto& [name, raw] : header.members()) {
    if (name == "__metadata__") continue;
    Entry e;
    const std::string tensor = sentence(path_, ": tensor \"", name, "\"");
    ranges.push_back(parse_entry(tensor, raw, data_size, e));
    e.data = data + ranges.back().begin;
    e.bytes = ranges.back().end - ranges.back().begin;
    entries_.emplace(name, std::move(e));
  }
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
  uint64_t at = 0;
  for (const Range& r : ranges) {
    if (r.begin != at)
      fail(r.name, ": expected data to begin at byte ", at, " (no hole, no overlap), got ", r.begin);
    at = r.end;
  }
  if (at != data_size) fail(path_, ": expected the last tensor to end at byte ", data_size, " of the data, got ", at);
}

}  // namespace engine
