// Hardware vectors: what a Hopper GPU answered to a list of small kernels, stored so that the virtual SM100 can be held to it bit for bit.
// A chapter is a list of cases; a case is one kernel, its inputs (made again from the case's name, never stored) and its output.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "native/device/driver.h"

namespace hw {

using Bytes = std::vector<uint8_t>;

// A buffer the kernel gets a pointer to. `stride` is the bytes that belong to one lane, 0 when lanes share it.
struct Input {
  Bytes bytes;
  unsigned stride = 0;
};

// The arguments of cuTensorMapEncodeTiled; `input` is the buffer it describes, -1 the output.
struct TensorMap {
  CUtensorMapDataType type = CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
  unsigned rank = 2;
  int input = 0;
  uint64_t offset = 0;  // bytes behind the buffer's start
  std::vector<uint64_t> dim, stride;
  std::vector<uint32_t> box, element_stride;
  CUtensorMapInterleave interleave = CU_TENSOR_MAP_INTERLEAVE_NONE;
  CUtensorMapSwizzle swizzle = CU_TENSOR_MAP_SWIZZLE_NONE;
  CUtensorMapL2promotion l2 = CU_TENSOR_MAP_L2_PROMOTION_NONE;
  CUtensorMapFloatOOBfill fill = CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE;
  // im2col instead of tiled when channels is not 0
  std::vector<int> lower, upper;
  uint32_t channels = 0, pixels = 0;
};

// Where the virtual SM100 may differ from the vector, and why; `ulp` counts steps of the output's type.
struct Bound {
  std::string type;  // "f32", "f16", "bf16"; "" for bit equality
  uint64_t ulp = 0;
  double relative = 0;  // of the sum of the terms' magnitudes, where a case has them (`scale`)
  std::string reason;
};

struct Case {
  std::string name;         // unique in its chapter
  std::string form;         // opcode as `sim isa` lists it
  std::vector<std::string> also = {};  // other forms that its answer rests on
  std::string body;         // PTX between the entry's braces; %out and %in0.. hold global addresses
  bool specific = false;    // needs sm_90a
  unsigned grid = 1, block = 256, cluster = 1, shared = 0;
  std::function<std::vector<Input>()> inputs = [] { return std::vector<Input>{}; };
  unsigned n_inputs = 0;
  std::vector<TensorMap> maps;
  size_t out_bytes = 0;
  unsigned out_stride = 4;   // output bytes of one lane
  size_t raw_lanes = 256;    // stored as they are; of the others a hash a block
  unsigned hash_lanes = 64;
  uint8_t poison = 0xcd;     // the output before the launch
  Bound bound;
  std::function<Bytes(const device::Driver&)> host;       // instead of a kernel: what the driver itself answers
  std::function<std::string(size_t)> describe;            // a lane's inputs in words
  std::function<std::vector<double>()> scale;  // for Bound::relative, one a lane
};

struct Chapter {
  std::string name;
  std::vector<Case> cases;
  std::string globals;  // PTX at module scope
  Case& add(Case c) { return cases.push_back(std::move(c)), cases.back(); }
};
// Every chapter by name, with the function that lists its cases.
std::map<std::string, void (*)(Chapter&)>& chapters();
struct RegisterChapter {
  RegisterChapter(const char* name, void (*fill)(Chapter&)) { chapters()[name] = fill; }
};
Chapter chapter(const std::string& name);
#define HW_CHAPTER(name)                                                   \
  static void fill_##name(::hw::Chapter&);                                 \
  static ::hw::RegisterChapter register_##name __attribute__((init_priority(1000)))(#name, fill_##name); \
  static void fill_##name(::hw::Chapter& chapter)

// A stored answer.
struct Vector {
  uint64_t inputs = 0;          // hash of kernel and inputs: a vector of other inputs is stale, not wrong
  std::string failure;          // the CUDA error the launch ended with; "" when it ran
  Bytes raw;                    // the first lanes
  std::vector<uint64_t> hashes; // of the blocks behind them
};
using Vectors = std::map<std::string, Vector>;

uint64_t hash(const void* bytes, size_t n, uint64_t seed = 0);
uint64_t hash(const Case& c);
Vector pack(const Case& c, const Bytes& out);
// "" when `got` is what the vector says, else the first difference as a sentence.
std::string difference(const Case& c, const Vector& v, const Bytes& got);

Vectors read(const std::string& path);
void write(const std::string& path, const Vectors& v);

// Runs cases on a device. Modules hold many entries, because loading one costs more than running it.
class Runner {
 public:
  Runner(const device::Driver& driver, const Chapter& chapter);
  ~Runner();
  // Loads the modules of the cases from `first` on.
  struct Result {
    Bytes out;
    std::string failure;
  };
  Result run(size_t k);

 private:
  CUfunction function(size_t k, std::string& failure);
  const device::Driver& d_;
  const Chapter& chapter_;
  std::map<size_t, CUmodule> modules_;
};
// The PTX module that holds cases [first, last).
std::string module_text(const Chapter& chapter, size_t first, size_t last);
inline constexpr size_t MODULE_CASES = 48;
std::string error_name(const device::Driver& d, CUresult r);

}  // namespace hw
