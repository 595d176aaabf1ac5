// The safetensors container, mapped: 8-byte little-endian header length, JSON header, tensor bytes. A file that another reader could
// understand differently (overlap, hole, duplicate name, wrong size) is refused before any byte of it is used.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace engine {

struct Entry {
  std::string dtype;            // as the file spells it: F8_E4M3, BF16 ...
  std::vector<int64_t> shape;
  const uint8_t* data = nullptr;
  size_t bytes = 0;
};

class Safetensors {
 public:
  // Throws device::Error with one sentence naming file, tensor, expectation and value.
  explicit Safetensors(const std::string& path);
  ~Safetensors();
  Safetensors(const Safetensors&) = delete;
  Safetensors& operator=(const Safetensors&) = delete;

  const std::string& path() const { return path_; }
  const std::map<std::string, Entry>& entries() const { return entries_; }

 private:
  void map();
  void read_header();

  std::string path_;
  const uint8_t* base_ = nullptr;
  size_t size_ = 0;
  std::map<std::string, Entry> entries_;
};

// "F8_E4M3 [512, 384]"
std::string describe(const std::string& dtype, const std::vector<int64_t>& shape);

}  // namespace engine
