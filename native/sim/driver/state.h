// What the entry points share: handles, the current context, and the sentence of the last failure.
#pragma once
#include <chrono>
#include <mutex>
#include <set>

#include "native/sim/sim.h"
#include "virtual_driver.h"

namespace sim::driver {

// Every entry point, with its own signature, in this namespace. cuda.h's renaming macros apply to both.
#define SIM_DECLARE(name) decltype(::name) name;
DEVICE_ENTRY_POINTS(SIM_DECLARE)
#undef SIM_DECLARE

struct ModuleHandle;
struct FunctionHandle {
  ModuleHandle* owner;
  const ptx::Function* entry;
  int max_dynamic_shared;
};
struct ModuleHandle {
  std::shared_ptr<Module> module;
  std::map<std::string, std::unique_ptr<FunctionHandle>> functions;
};
struct EventHandle {
  bool recorded = false;
  bool timed = true;
  std::chrono::steady_clock::time_point at;
};

struct State {
  std::mutex lock;
  bool initialised = false;
  int context_users = 0;
  std::map<ModuleHandle*, std::unique_ptr<ModuleHandle>> modules;
  std::set<FunctionHandle*> functions;
  std::set<void*> streams;
  std::map<EventHandle*, std::unique_ptr<EventHandle>> events;
  uint64_t next_stream = 0x1000;
  static State& get();
};

// Sets the sentence of last_error_detail() and returns the code.
CUresult fail(CUresult code, const std::string& sentence);
const char* last_error_detail();
CUresult ready();  // initialised, and a current context
CUresult known_stream(CUstream s);
std::string hex(uint64_t v);
inline CUcontext the_context() { return reinterpret_cast<CUcontext>(uintptr_t(0x5310010)); }
void record(const std::string& kernel, const LaunchResult& r);

#define SIM_TRY(call)                                                 \
  do                                                                  \
    if (CUresult code_ = (call); code_ != CUDA_SUCCESS) return code_; \
  while (0)

}  // namespace sim::driver
