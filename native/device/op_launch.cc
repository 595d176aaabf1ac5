#include "op_launch.h"

#include <cstring>

namespace device {
namespace {

// The op's parameters, and behind them the variant's tensor maps and what its plan says.
std::vector<uint8_t> variant_params(Device& dev, const OpRow& row, const OpVariant& v, const void* params) {
  std::vector<uint8_t> bytes(v.params_size, 0);
  std::memcpy(bytes.data(), params, row.params_size);
  v.args(params, dev.info().multiprocessors, bytes.data());
  MapShape maps[MOST_MAPS];
  const int n = v.maps(params, dev.info().multiprocessors, maps);
  constexpr uint32_t each[5] = {1, 1, 1, 1, 1};
  for (int i = 0; i < n; ++i) {
    const MapShape& m = maps[i];
    void* tensor = nullptr;
    std::memcpy(&tensor, bytes.data() + m.pointer, sizeof tensor);
    alignas(64) CUtensorMap map;
    dev.check(dev.driver().cuTensorMapEncodeTiled(&map, CUtensorMapDataType(m.type), cuuint32_t(m.rank), tensor, m.dims, m.strides,
                                                  m.box, each, CU_TENSOR_MAP_INTERLEAVE_NONE, CUtensorMapSwizzle(m.swizzle),
                                                  CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
              sentence("op ", row.name, ", variant ", v.name, ": tensor map ", i).c_str());
    std::memcpy(bytes.data() + m.map, &map, sizeof map);
  }
  return bytes;
}

}  // namespace

const OpRow& op_row(const std::string& name) {
  for (const OpRow& row : op_table())
    if (name == row.name) return row;
  fail("op \"", name, "\": expected one of the ", op_table().size(), " ops of the build, got no such name");
}

const OpVariant* variant_of(const Device& dev, const OpRow& row, const void* params) {
  for (const OpVariant& v : row.variants)
    if (dev.variant() == v.name && v.when(params)) return &v;
  return nullptr;
}

const char* entry_of(const Device& dev, const OpRow& row, const void* params) {
  const OpVariant* v = variant_of(dev, row, params);
  return v ? v->entry(params, dev.info().multiprocessors) : row.name;
}

OpLaunch launch_op(Device& dev, const OpRow& row, const void* params, Kernel* kernel) {
  const OpVariant* v = variant_of(dev, row, params);
  if (!v) {
    const OpLaunch l{kPortable, row.launch(params)};
    dev.launch(kernel ? *kernel : dev.kernel(row.name), l.shape, params);
    return l;
  }
  const OpLaunch l{v->name, v->launch(params, dev.info().multiprocessors)};
  const uint32_t* g = l.shape.grid;
  // a grid without CTAs has tensors without elements, of which no map can be made
  if (g[0] == 0 || g[1] == 0 || g[2] == 0) return l;
  const auto bytes = variant_params(dev, row, *v, params);
  dev.launch(kernel ? *kernel : dev.kernel(sentence(row.name, ".", v->name), entry_of(dev, row, params)), l.shape, bytes.data());
  return l;
}

}  // namespace device
