// The virtual SM100 as a library: load PTX, look at its kernels, launch them on the CPU.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "machine/cta.h"

namespace sim {

struct Parameter {
  std::string name, type;
  uint32_t offset, bytes, align;
};

class Module {
 public:
  // Parses the text and places its variables in device memory. Throws ptx::ParseError.
  static std::shared_ptr<Module> load(std::string_view text, Memory& memory = Memory::device());
  ~Module();

  std::vector<std::string> entries() const;
  std::vector<Parameter> parameters(std::string_view entry) const;
  const ptx::Module& text() const { return *text_; }
  const ptx::Function* entry(std::string_view name) const;  // nullptr when there is none
  const Program& program(const ptx::Function& entry);       // lowered once
  static inline void (*on_program)(const Program&) = nullptr;  // told of each: tests list the forms they run
  bool variable(std::string_view name, uint64_t& address, uint64_t& bytes) const;
  Memory& memory() const { return memory_; }

 private:
  explicit Module(Memory& memory) : memory_(memory) {}
  void place_variables();
  Memory& memory_;
  std::shared_ptr<const ptx::Module> text_;
  Symbols symbols_;
  std::vector<uint64_t> owned_;
  std::map<const ptx::Function*, std::unique_ptr<Program>> programs_;
  std::mutex lock_;
};

struct LaunchResult {
  uint64_t warp_instructions = 0,
           thread_instructions = 0;  // a guarded-off instruction counts for the lanes that are on
  double seconds = 0;
  std::vector<std::string> lints;  // see Launch::lint
  std::shared_ptr<struct Profile> profile;  // LaunchConfig::profile: machine/profile.h
};

// Runs the whole grid. Throws Trap, or std::invalid_argument for limits the launch exceeds. `params` is laid
// out as the entry declares.
LaunchResult launch(Module& module, const ptx::Function& entry, const LaunchConfig& config,
                    std::span<const uint8_t> params);

inline constexpr uint32_t MAX_THREADS = 1024, MAX_SHARED = 227 * 1024, MAX_CLUSTER = 16;

}  // namespace sim
