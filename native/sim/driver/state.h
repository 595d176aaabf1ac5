// What the entry points share: handles, the current context, and the sentence of the last failure.
#pragma once
#include <chrono>
#include <mutex>
#include <set>

#include "native/sim/sim.h"
#include "virtual_driver.h"
#include "work.h"

namespace sim::driver {

// Every entry point, with its own signature, in this namespace. cuda.h's renaming macros apply to both. The
// symbols have a prefix, so that a program may hold these and a real libcuda; native/sim/host exports them
// under their own names.
#define SIM_QUOTE(name) #name
#define SIM_SYMBOL(name) "sim_" SIM_QUOTE(name)
#define SIM_DECLARE(name) decltype(::name) name __asm__(SIM_SYMBOL(name));
DEVICE_ENTRY_POINTS(SIM_DECLARE)
#undef SIM_DECLARE

struct ModuleHandle;
struct FunctionHandle {
  ModuleHandle* owner;
  const ptx::Function* entry;
  int max_dynamic_shared;
  bool non_portable_cluster = false;
  int required_cluster[3] = {0, 0, 0};  // CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_*
  int carveout = -1;
};
struct ModuleHandle {
  std::shared_ptr<Module> module;
  std::map<std::string, std::unique_ptr<FunctionHandle>> functions;
};
struct EventHandle {
  bool recorded = false;
  bool timed = true;
  std::chrono::steady_clock::time_point at;
  std::shared_ptr<Capture> capture;  // recorded in a stream that captures: a wait for it joins that capture
  std::vector<CUgraphNode> after;    // the nodes it then stands for
  bool captured = false;             // its last record was part of a capture that has ended
};
struct StreamHandle {
  unsigned flags = 0;
  int priority = 0;
  uint64_t id = 0;
  std::shared_ptr<Capture> capture;
  std::vector<CUgraphNode> after;  // of a capture: the nodes that the next one depends on
};
enum class MemoryKind : uint8_t { device, pinned, managed };

struct State {
  std::mutex lock;
  bool initialised = false;
  int context_users = 0;
  std::set<CUcontext> contexts;  // cuCtxCreate's, besides the primary one
  std::map<ModuleHandle*, std::unique_ptr<ModuleHandle>> modules;
  std::set<FunctionHandle*> functions;
  std::map<CUstream, std::unique_ptr<StreamHandle>> streams;
  StreamHandle legacy, per_thread;  // the two default streams
  std::map<EventHandle*, std::unique_ptr<EventHandle>> events;
  std::map<uint64_t, MemoryKind> kinds;  // allocations that are not plain device memory, by address
  uint64_t next_stream = 0x1000;
  int captures = 0;  // streams that capture
  // A fault's code and sentence when VirtualOptions::sticky_faults is on: what every later call answers.
  CUresult sticky = CUDA_SUCCESS;
  std::string sticky_detail;
  // Turns an image that is not PTX text into PTX text (fat binaries; native/sim/host sets it). Throws
  // ImageError.
  std::string (*unpack)(const void* image) = nullptr;
  // Hears of every call that fails; the harness asks last_error_detail() instead.
  void (*tell)(CUresult code, const std::string& sentence) = nullptr;
  static State& get();
};
struct ImageError : std::runtime_error {
  CUresult code;
  ImageError(CUresult c, const std::string& what) : std::runtime_error(what), code(c) {}
};

// Sets the sentence of last_error_detail() and returns the code.
CUresult fail(CUresult code, const std::string& sentence);
const char* last_error_detail();
CUresult ready();  // initialised, and a current context that no fault has ended
CUresult known_stream(CUstream s);
StreamHandle* stream_of(CUstream s);  // nullptr when unknown; the caller holds the lock
CUresult known_event(CUevent event, EventHandle*& out);
FunctionHandle* known_function(CUfunction f);
CUresult unknown_function();
CUresult check_device(CUdevice device);
inline CUcontext the_context() { return reinterpret_cast<CUcontext>(uintptr_t(0x5310010)); }
uint64_t device_bytes();  // of device memory, as programs see it
void record(const std::string& kernel, const LaunchResult& r);
// The mode of this thread (cuThreadExchangeStreamCaptureMode), and what it and the captures say of a call
// that allocates, frees or waits for the whole device.
CUstreamCaptureMode& capture_mode();
CUresult unsafe_in_capture(const char* call);
CUresult allocate(const char* call, CUdeviceptr* at, size_t bytes);
int threads_allowed(const FunctionHandle& f);  // a CTA, by .maxntid or .reqntid
int registers_of(const FunctionHandle& f);     // a thread, as far as PTX tells
CUresult gather(const FunctionHandle& f, void** values, void** extra, std::vector<uint8_t>& out);
CUresult configure(FunctionHandle& f, const CUlaunchConfig& config, KernelWork& work);  // checks limits
CUresult load_text(CUmodule* module, const std::string& text);

#define SIM_TRY(call)                                                 \
  do                                                                  \
    if (CUresult code_ = (call); code_ != CUDA_SUCCESS) return code_; \
  while (0)

}  // namespace sim::driver
