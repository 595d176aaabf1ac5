// cp.async.bulk.tensor in tile mode: every rank, swizzle, atom and border, against the elements' own places.
#include "tma.h"

using namespace sim;

namespace tma_tile_test {
using namespace sim::testing;

namespace {

using E = TensorMap::Element;
using S = TensorMap::Swizzle;
using A = TensorMap::Atom;

struct Case {
  TensorMap map;
  std::vector<int32_t> at;
  std::string dims() const { return std::to_string(map.rank) + "d"; }
  std::vector<uint32_t> extent() const {
    std::vector<uint32_t> n;
    for (unsigned d = 0; d < map.rank; ++d)
      n.push_back(d ? (map.box[d] + map.element_stride[d] - 1u) / map.element_stride[d] : map.box[0]);
    return n;
  }
  uint32_t bytes() const {
    uint32_t n = map.element_bits() / 8;
    for (uint32_t e : extent()) n *= e;
    return n;
  }
};

// f(byte of the box before swizzling, byte of the tensor or -1 outside) for each element of whole bytes.
void each_element(const Case& c, const std::function<void(uint32_t, int64_t)>& f) {
  auto n = c.extent();
  uint32_t count = 1, size = c.map.element_bits() / 8;
  for (uint32_t e : n) count *= e;
  for (uint32_t k = 0; k < count; ++k) {
    uint32_t rest = k;
    int64_t from = 0;
    bool inside = true;
    for (unsigned d = 0; d < c.map.rank; ++d) {
      int64_t x = int64_t(c.at[d]) + int64_t(rest % n[d]) * (d ? c.map.element_stride[d] : 1);
      rest /= n[d];
      inside &= x >= 0 && x < int64_t(c.map.dim[d]);
      from += x * int64_t(d ? c.map.stride[d - 1] : size);
    }
    f(k * size, inside ? from : -1);
  }
}

void check_load(Case c, uint64_t fill = 0, const std::string& form = "") {
  std::vector<uint8_t> data = random_bytes(tensor_bytes(c.map), c.map.rank * 7 + c.bytes());
  Array<uint8_t> tensor(data);
  c.map.address = tensor.at;
  const uint32_t bytes = c.bytes(), size = c.map.element_bits() / 8;
  std::vector<uint8_t> want(bytes);
  each_element(c, [&](uint32_t to, int64_t from) {
    for (uint32_t b = 0; b < size; ++b)
      want[place_of(c.map, to + b)] = from < 0 ? uint8_t(fill >> 8 * b) : data[size_t(from) + b];
  });
  std::string text = TMA_INIT + tma_expect(bytes) + "@%p0 cp.async.bulk.tensor." + c.dims() +
                     (form.empty() ? ".shared::cta.global.tile.mbarrier::complete_tx::bytes" : form) + " [%r1], [%rd4, " +
                     coordinates(c.at) + "], [bar];\n" + TMA_WAIT + tma_dump(bytes);
  auto m = tma_kernel(text, bytes);
  under_every_policy(one_warp(), [&](const LaunchConfig& k) {
    Array<uint8_t> out(bytes);
    launch(*m, *m->entry("k"), k, params(out.at, tensor.at, c.map));
    for (uint32_t b = 0; b < bytes; ++b)
      CHECK_EQ(int(out[b]), int(want[b]), "byte ", b, " of ", c.dims(), " swizzle ", int(c.map.swizzle), " atom ",
               int(c.map.atom), " at ", coordinates(c.at));
  });
}

void check_store(Case c) {
  Array<uint8_t> tensor(random_bytes(tensor_bytes(c.map), 5));
  std::vector<uint8_t> before = tensor.values(), want = before;
  c.map.address = tensor.at;
  const uint32_t bytes = c.bytes(), size = c.map.element_bits() / 8;
  std::vector<uint8_t> data = random_bytes(bytes, 6);
  Array<uint8_t> box(data);
  each_element(c, [&](uint32_t from, int64_t to) {
    for (uint32_t b = 0; b < size && to >= 0; ++b) want[size_t(to) + b] = data[place_of(c.map, from + b)];
  });
  std::string text = tma_fill(bytes) + "fence.proxy.async.shared::cta; bar.sync 0;\n@%p0 cp.async.bulk.tensor." + c.dims() +
                     ".global.shared::cta.tile.bulk_group [%rd4, " + coordinates(c.at) +
                     "], [%r1];\ncp.async.bulk.commit_group; cp.async.bulk.wait_group 0;\n";
  auto m = tma_kernel(text, bytes);
  under_every_policy(one_warp(), [&](const LaunchConfig& k) {
    std::memcpy(tensor.data(), before.data(), before.size());
    launch(*m, *m->entry("k"), k, params(tensor.at, box.at, c.map));
    for (size_t b = 0; b < want.size(); ++b)
      CHECK_EQ(int(tensor[b]), int(want[b]), "byte ", b, " stored as ", c.dims(), " swizzle ", int(c.map.swizzle), " at ",
               coordinates(c.at));
  });
}

}  // namespace

// One to five dimensions, dense and with borders on both sides, without swizzle and with the usual one.
TEST(tma_tile_loads_of_every_rank) {
  for (S s : {S::none, S::b128}) {
    const std::vector<std::vector<uint64_t>> dims = {{200}, {96, 20}, {96, 9, 5}, {80, 6, 5, 4}, {72, 5, 4, 3, 3}};
    const std::vector<std::vector<uint16_t>> box = {{64}, {64, 16}, {64, 4, 3}, {64, 3, 2, 2}, {64, 2, 3, 2, 2}};
    for (size_t k = 0; k < 5; ++k)
      for (int32_t shift : {0, 3, -5}) {
        Case c{tensor_map(0, E::bf16, dims[k], box[k]), {}};
        c.map.swizzle = s;
        for (size_t d = 0; d <= k; ++d) c.at.push_back(d ? shift / 2 + int32_t(d % 2) : shift * 8);
        check_load(c);
      }
  }
}

TEST(tma_tile_loads_of_every_swizzle_and_element) {
  const std::vector<std::pair<S, A>> modes = {{S::none, A::b16}, {S::b32, A::b16},  {S::b64, A::b16},        {S::b128, A::b16},
                                              {S::b128, A::b32}, {S::b128, A::b64}, {S::b128, A::b32_flip_8b}};
  for (auto [s, a] : modes)
    for (E e : {E::u8, E::f16, E::f32, E::f64}) {
      TensorMap m = tensor_map(0, e, {300, 70}, {1, 24});
      m.swizzle = s, m.atom = a;
      const uint32_t span = s == S::b32 ? 32 : s == S::b64 ? 64 : 128;
      m.box[0] = uint16_t(span / (m.element_bits() / 8));
      check_load({m, {16, 3}});
      check_load({m, {-16, -2}});
      check_load({m, {288, 60}});
    }
}

TEST(tma_tile_words_in_any_order) {
  TensorMap m = tensor_map(0, E::bf16, {64, 16}, {64, 8});
  for (const char* form : {".shared::cluster.global.mbarrier::complete_tx::bytes", ".cta_group::1.shared::cluster.global.tile.mbarrier::complete_tx::bytes",
                           ".shared::cluster.global.tile.mbarrier::complete_tx::bytes.cta_group::2"})
    check_load({m, {0, 4}}, 0, form);
}

TEST(tma_tile_outside_is_nan_on_request) {
  for (auto [e, nan] : std::vector<std::pair<E, uint64_t>>{{E::f16, 0x7ff7}, {E::bf16, 0x7ff7}, {E::f32, 0x7ff77ff7}, {E::f64, 0x7ff77ff77ff77ff7}}) {
    TensorMap m = tensor_map(0, e, {40, 12}, {32, 8});
    m.fill = TensorMap::Fill::nan_zero_fma;
    check_load({m, {24, 8}}, nan);
    check_load({m, {-8, -3}}, nan);
  }
}

TEST(tma_tile_traversal_strides) {
  TensorMap m = tensor_map(0, E::u16, {64, 40, 9}, {64, 15, 6});
  m.element_stride[1] = 2, m.element_stride[2] = 3;
  check_load({m, {0, 1, 1}});
  m.swizzle = S::b128;
  check_load({m, {-8, -3, 5}});
  check_store({m, {8, 3, 2}});
}

TEST(tma_tile_stores) {
  for (S s : {S::none, S::b32, S::b64, S::b128}) {
    TensorMap m = tensor_map(0, E::u16, {72, 20}, {16, 8});
    m.swizzle = s;
    if (s == S::b64) m.box[0] = 32;
    if (s == S::b128) m.box[0] = 64;
    check_store({m, {0, 4}});
    check_store({m, {64, 16}});
  }
  check_store({tensor_map(0, E::u32, {100}, {32}), {80}});
  check_store({tensor_map(0, E::u8, {64, 5, 4, 3, 3}, {32, 3, 2, 2, 2}), {16, 3, 3, 2, 2}});
  TensorMap m = tensor_map(0, E::f32, {40, 16}, {32, 8});
  m.swizzle = S::b128, m.atom = A::b32;
  check_store({m, {16, 5}});
  m.atom = A::b64;
  check_store({m, {16, 5}});
}

}  // namespace tma_tile_test
