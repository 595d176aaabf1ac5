// What the chapters of tensor copies share: element types, and a list of copies that one kernel makes.
#pragma once
#include "block.h"

namespace hw {

struct Element {
  const char* name;
  CUtensorMapDataType type;
  unsigned bytes;
  bool floating;
  const char* kind;  // of the values in memory
};
inline constexpr Element ELEMENTS[] = {
    {"u8", CU_TENSOR_MAP_DATA_TYPE_UINT8, 1, false, "any8"},
    {"u16", CU_TENSOR_MAP_DATA_TYPE_UINT16, 2, false, "any16"},
    {"u32", CU_TENSOR_MAP_DATA_TYPE_UINT32, 4, false, "any32"},
    {"s32", CU_TENSOR_MAP_DATA_TYPE_INT32, 4, false, "any32"},
    {"u64", CU_TENSOR_MAP_DATA_TYPE_UINT64, 8, false, "any64"},
    {"s64", CU_TENSOR_MAP_DATA_TYPE_INT64, 8, false, "any64"},
    {"f16", CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 2, true, "f16"},
    {"f32", CU_TENSOR_MAP_DATA_TYPE_FLOAT32, 4, true, "f32"},
    {"f64", CU_TENSOR_MAP_DATA_TYPE_FLOAT64, 8, true, "f64"},
    {"bf16", CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, true, "bf16"},
    {"f32_ftz", CU_TENSOR_MAP_DATA_TYPE_FLOAT32_FTZ, 4, true, "f32"},
    {"tf32", CU_TENSOR_MAP_DATA_TYPE_TFLOAT32, 4, true, "f32"},
    {"tf32_ftz", CU_TENSOR_MAP_DATA_TYPE_TFLOAT32_FTZ, 4, true, "f32"},
};
const Element& element(const std::string& name);
inline constexpr const char* SWIZZLES[] = {"none", "32B", "64B", "128B"};
inline constexpr const char* INTERLEAVES[] = {"none", "16B", "32B"};

// A tensor over a buffer, densely packed with rows padded to 16 bytes (32 for interleave 32B).
TensorMap tensor(const Element& e, std::vector<uint64_t> dim, std::vector<uint32_t> box, unsigned swizzle = 0, unsigned interleave = 0,
                 bool nan = false, std::vector<uint32_t> element_stride = {});
size_t tensor_bytes(const TensorMap& m);
// Bytes of a box in shared memory.
unsigned box_bytes(const Element& e, const TensorMap& m);

struct Copy {
  std::vector<int> at;
  unsigned smem = 0;  // offset of the box in shared memory
};
// Copies into shared memory, one after the other, each of `bytes`; all of shared memory comes out.
Case load_case(const std::string& name, const Element& e, const TensorMap& m, const std::vector<Copy>& copies, unsigned bytes, unsigned smem,
               const std::string& extra = "");
// Copies or reductions from shared memory; the whole tensor comes out. `op` is "" or ".add" and so on.
Case store_case(const std::string& name, const Element& e, const TensorMap& m, const std::vector<Copy>& copies, unsigned smem, const std::string& op,
                const std::string& mode = "tile");

}  // namespace hw
