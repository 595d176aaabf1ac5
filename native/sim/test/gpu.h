// Small helpers for tests that launch kernels: device arrays and kernel parameters.
#pragma once
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "native/sim/sim.h"
#include "test.h"

namespace sim::testing {

template <class T>
struct Array {
  uint64_t at;
  size_t n;
  explicit Array(size_t count) : at(Memory::device().allocate(count * sizeof(T))), n(count) {}
  explicit Array(const std::vector<T>& v) : Array(v.size()) {
    std::memcpy(data(), v.data(), n * sizeof(T));
    Memory::device().mark(*Memory::device().find(at), at, n * sizeof(T));
  }
  ~Array() { Memory::device().release(at); }
  Array(const Array&) = delete;
  T* data() { return reinterpret_cast<T*>(at); }
  T& operator[](size_t k) { return data()[k]; }
  std::vector<T> values() { return {data(), data() + n}; }
};

// Values in the layout of kernel parameters: each at its natural alignment.
template <class... A>
std::vector<uint8_t> params(const A&... a) {
  std::vector<uint8_t> bytes;
  auto add = [&](const auto& v) {
    size_t align = alignof(std::decay_t<decltype(v)>);
    bytes.resize((bytes.size() + align - 1) / align * align + sizeof v);
    std::memcpy(bytes.data() + bytes.size() - sizeof v, &v, sizeof v);
  };
  (add(a), ...);
  return bytes;
}

inline std::shared_ptr<Module> kernels(const std::string& file) {
  static std::map<std::string, std::shared_ptr<Module>> loaded;
  auto& m = loaded[file];
  if (m) return m;
  std::ifstream in(std::string(KERNEL_DIR) + "/" + file + ".ptx");
  if (!in)
    fail(__FILE__, __LINE__, "expected ", KERNEL_DIR, "/", file,
         ".ptx: nvcc was not found when this was built");
  return m = Module::load(std::string(std::istreambuf_iterator<char>(in), {}));
}

inline LaunchResult run(Module& m, const std::string& entry, Dim3 grid, Dim3 block,
                        const std::vector<uint8_t>& p, uint32_t shared = 0, uint64_t limit = 0) {
  const ptx::Function* f = m.entry(entry);
  if (!f) fail(__FILE__, __LINE__, "expected an entry ", entry);
  LaunchConfig c;
  c.grid = grid, c.block = block, c.dynamic_shared = shared, c.max_instructions = limit;
  return launch(m, *f, c, p);
}

// The sentence of the trap that f() must end in.
template <class F>
Trap trap_of(F f) {
  try {
    f();
  } catch (const Trap& t) {
    return t;
  }
  throw std::runtime_error("expected a trap, the launch ended well");
}

}  // namespace sim::testing
