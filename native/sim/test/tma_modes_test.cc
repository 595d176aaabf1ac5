// cp.async.bulk.tensor in its other modes: rows gathered and scattered, images as columns, narrow boxes, sub-byte
// elements, interleaved slices. What hardware says of im2col and of narrow rows was seen on an H200.
#include "tma.h"

using namespace sim;

namespace tma_modes_test {
using namespace sim::testing;

namespace {

using E = TensorMap::Element;
using S = TensorMap::Swizzle;

constexpr uint8_t UNTOUCHED = 0xcd;

// Loads one box into shared memory that was filled before and compares all of it.
void check_load(TensorMap m, const std::string& op, const std::string& operands, uint32_t counted,
                const std::vector<uint8_t>& want) {
  const uint32_t bytes = uint32_t(want.size());
  Array<uint8_t> before(std::vector<uint8_t>(bytes, UNTOUCHED));
  std::string text = tma_fill(bytes) + "fence.proxy.async.shared::cta;\n" + TMA_INIT + tma_expect(counted) + "@%p0 cp.async.bulk.tensor." + op +
                     ".mbarrier::complete_tx::bytes [%r1], [%rd4, " + operands + ";\n" + TMA_WAIT + tma_dump(bytes);
  auto k = tma_kernel(text, bytes);
  under_every_policy(one_warp(), [&](const LaunchConfig& c) {
    Array<uint8_t> out(bytes);
    launch(*k, *k->entry("k"), c, params(out.at, before.at, m));
    for (uint32_t b = 0; b < bytes; ++b) CHECK_EQ(int(out[b]), int(want[b]), "byte ", b, " of ", op, " ", operands);
  });
}

// rows of 16-bit numbers 1, 2, 3 ...
std::vector<uint16_t> numbers(size_t n) {
  std::vector<uint16_t> v(n);
  for (size_t k = 0; k < n; ++k) v[k] = uint16_t(k + 1);
  return v;
}
void put(std::vector<uint8_t>& to, uint32_t at, uint16_t v) { to[at] = uint8_t(v), to[at + 1] = uint8_t(v >> 8); }

}  // namespace

TEST(tma_gather4_and_scatter4) {
  Array<uint16_t> tensor(numbers(64 * 40));
  for (S s : {S::none, S::b128}) {
    TensorMap m = tensor_map(tensor.at, E::bf16, {64, 40}, {64, 1});
    m.swizzle = s;
    const int32_t rows[4] = {7, -1, 39, 40};
    std::vector<uint8_t> want(512);
    for (uint32_t r = 0; r < 4; ++r)
      for (uint32_t e = 0; e < 64; ++e) {
        bool inside = rows[r] >= 0 && rows[r] < 40 && e + 8 < 64;
        put(want, place_of(m, r * 128 + 2 * e), inside ? uint16_t(rows[r] * 64 + int(e) + 8 + 1) : 0);
      }
    check_load(m, "2d.shared::cta.global.tile::gather4", "{8, 7, -1, 39, 40}], [bar]", 512, want);
    check_load(m, "2d.tile::gather4.shared::cluster.global.cta_group::1", "{8, 7, -1, 39, 40}], [bar]", 512, want);
  }
  TensorMap m = tensor_map(0, E::u16, {64, 40}, {32, 1});
  auto k = tma_kernel(tma_fill(256) + "fence.proxy.async.shared::cta; bar.sync 0; @%p0 cp.async.bulk.tensor.2d.global.shared::cta."
                      "tile::scatter4.bulk_group [%rd4, {40, 3, 9, 0, 38}], [%r1];\ncp.async.bulk.commit_group; "
                      "cp.async.bulk.wait_group 0;\n", 256);
  Array<uint16_t> box(numbers(128));
  under_every_policy(one_warp(), [&](const LaunchConfig& c) {
    Array<uint16_t> to(std::vector<uint16_t>(64 * 40, 0));
    m.address = to.at;
    launch(*k, *k->entry("k"), c, params(to.at, box.at, m));
    std::vector<uint16_t> want(64 * 40);
    const uint32_t rows[4] = {3, 9, 0, 38};
    for (uint32_t r = 0; r < 4; ++r)
      for (uint32_t e = 0; e < 24; ++e) want[rows[r] * 64 + 40 + e] = uint16_t(r * 32 + e + 1);
    CHECK(to.values() == want);
  });
}

// Rows narrower than their swizzle lie a span apart, and only their bytes count.
TEST(tma_narrow_rows_under_a_swizzle) {
  Array<uint16_t> tensor(numbers(64 * 20));
  for (auto [s, span] : std::vector<std::pair<S, uint32_t>>{{S::b32, 32}, {S::b64, 64}, {S::b128, 128}})
    for (uint32_t inner = 16; inner < span; inner += 16) {
      TensorMap m = tensor_map(tensor.at, E::bf16, {64, 20}, {uint16_t(inner / 2), 9});
      m.swizzle = s;
      std::vector<uint8_t> want(9 * span, UNTOUCHED);
      if (want.size() % 128) want.resize((want.size() + 127) / 128 * 128, UNTOUCHED);
      for (uint32_t r = 0; r < 9; ++r)
        for (uint32_t e = 0; e < inner / 2; ++e)
          put(want, place_of(m, r * span + 2 * e), uint16_t((r + 2) * 64 + e + 1));
      check_load(m, "2d.shared::cta.global.tile", "{0, 2}], [bar]", inner * 9, want);
    }
}

// The pixels that an H200 loads from a 9 x 14 x 4 image (first channel: 1 + number of the pixel).
TEST(tma_im2col_as_hardware_does_it) {
  struct Case {
    int16_t lower[2], upper[2];
    int32_t w, h, n, ow, oh;
    uint8_t sw, sh;
    std::vector<uint16_t> pixels;
  };
  const std::vector<Case> cases = {
      {{-1, -1}, {-1, -1}, 4, 7, 1, 0, 0, 1, 1,
       {194, 195, 196, 197, 0, 199, 200, 201, 202, 203, 204, 205, 206, 0, 208, 209, 210, 211, 212, 213,
        214, 215, 0, 217, 218, 219, 220, 221, 222, 223, 224, 0, 226, 227, 228, 229, 230, 231, 232, 233}},
      {{0, 0}, {-2, -2}, 4, 7, 1, 2, 2, 1, 1,
       {214, 215, 216, 219, 220, 221, 222, 223, 224, 225, 228, 229, 230, 231, 232, 233, 234, 237, 238, 239,
        240, 241, 242, 243, 246, 247, 248, 249, 250, 251, 252, 273, 274, 275, 276, 277, 278, 279, 282, 283}},
      {{-1, -1}, {-1, -1}, 5, 7, 1, 1, 1, 2, 2,
       {205, 207, 217, 219, 221, 223, 225, 235, 237, 239, 241, 243, 253, 255, 257, 259,
        261, 271, 273, 275, 277, 279, 289, 291, 293, 295, 297, 307, 309, 311, 313, 315}},
      {{-1, -1}, {-1, -1}, 4, 12, 3, 0, 0, 1, 1, {491, 492, 493, 494, 0, 0, 0, 0, 0, 0, 0, 0}},
      {{-1, -1}, {-1, -1}, -1, -1, 0, 2, 0, 3, 2,
       {0, 0, 0, 11, 14, 17, 29, 32, 35, 47, 50, 53, 65, 68, 71, 83, 86, 89, 101, 104, 107, 0, 0, 0, 137, 140, 143, 155,
        158, 161, 173, 176}},
      {{-1, -1}, {-1, -1}, 0, 0, 0, 0, 0, 2, 2,
       {1, 3, 5, 7, 0, 20, 22, 24, 26, 0, 38, 40, 42, 44, 0, 56, 58, 60, 62, 0, 74, 76, 78, 80, 0, 92, 94, 96, 98, 0, 110, 112}},
      {{-2, 0}, {1, 0}, 9, 13, 2, 1, 0, 1, 1,
       {0, 0, 379, 380, 381, 382, 383, 384, 385, 386, 387, 0, 0, 0, 388, 389, 390, 391, 392, 393, 394, 395, 396, 0}}};
  std::vector<uint16_t> image(8 * 9 * 14 * 4);
  for (size_t k = 0; k < image.size(); ++k) image[k] = uint16_t(1 + k / 8 + (k % 8) * 1000);
  Array<uint16_t> tensor(image);
  for (const Case& c : cases) {
    TensorMap m = tensor_map(tensor.at, E::u16, {8, 9, 14, 4}, {});
    m.stride[0] = 16, m.stride[1] = 144, m.stride[2] = 2016;
    m.kind = TensorMap::Kind::im2col, m.channels = 8, m.pixels = uint16_t(c.pixels.size());
    m.element_stride[1] = c.sw, m.element_stride[2] = c.sh;
    for (int d = 0; d < 2; ++d) m.lower[d] = c.lower[d], m.upper[d] = c.upper[d];
    std::vector<uint8_t> want(16 * c.pixels.size());
    for (size_t p = 0; p < c.pixels.size(); ++p)
      for (uint32_t e = 0; e < 8; ++e) put(want, uint32_t(16 * p + 2 * e), c.pixels[p] ? uint16_t(c.pixels[p] + e * 1000) : 0);
    check_load(m, "4d.shared::cluster.global.im2col", coordinates({0, c.w, c.h, c.n}) + "], [bar], " + coordinates({c.ow, c.oh}),
               uint32_t(want.size()), want);
  }
}

// Slices of 16 or 32 bytes: dimension 0 counts them, and a box takes one slice of channels.
TEST(tma_interleaved_slices) {
  for (uint32_t l : {1u, 2u})
    for (uint32_t step : {1u, 2u})
      for (int32_t x : {0, 12, -3}) {
        const uint32_t slice = 8 * l;  // of 16-bit channels
        Array<uint16_t> tensor(numbers(16 * slice * 6 * 4 * 2));
        TensorMap m = tensor_map(tensor.at, E::u16, {16, 6, 4, 2}, {8, 3, 24, 1});  // W, H, slices of C, N
        m.interleave = l == 1 ? TensorMap::Interleave::b16 : TensorMap::Interleave::b32;
        m.swizzle = l == 1 ? S::none : S::b32;
        m.element_stride[0] = uint8_t(step);
        m.stride[0] = 32 * slice, m.stride[1] = 6 * m.stride[0], m.stride[2] = 4 * m.stride[1];
        const uint32_t columns = 8 / step, bytes = columns * 3 * slice * 2;
        std::vector<uint8_t> want((bytes + 127) / 128 * 128, UNTOUCHED);
        for (uint32_t k = 0; k < bytes / 2; ++k) {
          int32_t w = x + int32_t(k / slice % columns * step), h = 4 + int32_t(k / slice / columns);
          uint32_t from = k % slice + slice * uint32_t(w + 16 * (h + 6 * (3 + 4 * 1)));
          put(want, place_of(m, 2 * k), w < 0 || w >= 16 || h >= 6 ? 0 : uint16_t(from + 1));
        }
        check_load(m, "4d.shared::cta.global", coordinates({x, 4, 3, 1}) + "], [bar]", bytes, want);
      }
}

// Sixteen elements of four bits take eight bytes and eight of padding, or are packed; of six bits twelve and four.
TEST(tma_sub_byte_elements) {
  struct Case {
    E element;
    uint32_t group, pitch, row;  // bytes of sixteen elements in global and shared memory, elements of a row
  };
  for (Case c : {Case{E::b4x16, 8, 8, 64}, Case{E::b4x16_p64, 8, 16, 128}, Case{E::b6x16_p32, 12, 16, 128}})
    for (S s : {S::none, S::b128})
      for (int32_t y : {2, -1}) {
        TensorMap m = tensor_map(0, c.element, {256, 12}, {uint16_t(c.row), 4});
        if (s == S::b128 && c.element == E::b4x16) m.box[0] = 256, c.row = 256;
        m.swizzle = s;
        std::vector<uint8_t> data = random_bytes(tensor_bytes(m), 3);
        Array<uint8_t> tensor(data);
        m.address = tensor.at;
        const uint32_t groups = c.row / 16, bytes = groups * c.pitch * 4, counted = groups * c.group * 4;
        const uint32_t column = c.element == E::b4x16 ? 0 : 128;
        std::string text = TMA_INIT + tma_expect(counted) +
                           "@%p0 cp.async.bulk.tensor.2d.shared::cta.global.tile.mbarrier::complete_tx::bytes [%r1], [%rd4, " +
                           coordinates({int32_t(column), y}) + "], [bar];\n" + TMA_WAIT;
        // only what is no padding may be read: thread t takes group t
        text += "mov.u32 %r20, %r0; G: setp.ge.u32 %p3, %r20, " + std::to_string(groups * 4) + "; @%p3 bra DONE;\n"
                "mul.lo.u32 %r21, %r20, " + std::to_string(c.pitch) + ";\n";
        for (uint32_t b = 0; b < c.group; b += 4) {
          text += "add.u32 %r22, %r21, " + std::to_string(b) + "; shr.u32 %r23, %r22, 3; and.b32 %r23, %r23, " +
                  std::to_string(s == S::b128 ? 0x70 : 0) + "; xor.b32 %r22, %r22, %r23; add.u32 %r22, %r22, %r1;\n"
                  "ld.shared.u32 %r24, [%r22]; mad.lo.u32 %r25, %r20, " + std::to_string(c.group) + ", " + std::to_string(b) +
                  "; cvt.u64.u32 %rd20, %r25; add.s64 %rd20, %rd20, %rd1; st.global.u32 [%rd20], %r24;\n";
        }
        text += "add.u32 %r20, %r20, 32; bra G; DONE:\n";
        auto k = tma_kernel(text, bytes);
        under_every_policy(one_warp(), [&](const LaunchConfig& config) {
          Array<uint8_t> out(counted);
          launch(*k, *k->entry("k"), config, params(out.at, tensor.at, m));
          for (uint32_t b = 0; b < counted; ++b) {
            uint32_t r = b / (groups * c.group);
            int64_t from = (y + int32_t(r)) * int64_t(m.stride[0]) + column * m.element_bits() / 8 + b % (groups * c.group);
            CHECK_EQ(int(out[b]), y + int32_t(r) < 0 ? 0 : int(data[size_t(from)]), "byte ", b, " element ", int(c.element));
          }
        });
        if (c.element == E::b4x16) continue;
        // the padding is nobody's
        auto reads = tma_kernel(TMA_INIT + tma_expect(counted) +
                                    "@%p0 cp.async.bulk.tensor.2d.shared::cta.global.tile.mbarrier::complete_tx::bytes [%r1], [%rd4, " +
                                    coordinates({int32_t(column), y}) + "], [bar];\n" + TMA_WAIT +
                                    "ld.shared.u32 %r5, [%r1+12]; st.global.u32 [%rd1], %r5;\n",
                                bytes);
        Array<uint8_t> out(counted);
        Trap t = trap_of([&] { launch(*reads, *reads->entry("k"), one_warp(), params(out.at, tensor.at, m)); });
        CHECK_EQ(int(t.cause), int(Trap::uninitialised), t.what());
      }
}

// .b6p2x16: six bits of every byte of shared memory are packed.
TEST(tma_sub_byte_stores_pack_six_bits) {
  TensorMap m = tensor_map(0, E::b6x16_p32, {128, 3}, {128, 2});
  std::vector<uint8_t> bytes(256);
  for (size_t k = 0; k < 256; ++k) bytes[k] = uint8_t(k * 37 + 11);
  Array<uint8_t> box(bytes);
  auto k = tma_kernel(tma_fill(256) + "fence.proxy.async.shared::cta; bar.sync 0; @%p0 cp.async.bulk.tensor.2d.global.shared::cta."
                      "bulk_group [%rd4, {0, 1}], [%r1];\ncp.async.bulk.commit_group; cp.async.bulk.wait_group 0;\n", 256);
  under_every_policy(one_warp(), [&](const LaunchConfig& c) {
    Array<uint8_t> to(std::vector<uint8_t>(96 * 3, 0));
    m.address = to.at;
    launch(*k, *k->entry("k"), c, params(to.at, box.at, m));
    for (uint32_t e = 0; e < 256; ++e) {
      uint32_t got = 0;
      for (uint32_t b = 0; b < 6; ++b) got |= uint32_t(to[96 + (e * 6 + b) / 8] >> (e * 6 + b) % 8 & 1) << b;
      CHECK_EQ(got, uint32_t(bytes[e] & 63), "element ", e);
    }
  });
}

// A float32 tensor of kind tf32 is rounded on its way in: the values of an H200.
TEST(tma_rounds_to_tf32) {
  const std::vector<uint32_t> in = {0x3f800001, 0x3f801000, 0x3f803000, 0x3f800fff, 0x3f801001, 0x00000001, 0x807fffff, 0x7f800001,
                                    0x7fc12345, 0xff812345, 0x7f800000, 0x3f801fff, 0x7f7fffff, 0,          0x80000000, 0x00800000},
                              want = {0x3f800000, 0x3f800000, 0x3f804000, 0x3f800000, 0x3f802000, 0,          0x80800000, 0x7fffe000,
                                      0x7fffe000, 0x7fffe000, 0x7f800000, 0x3f802000, 0x7f800000, 0,          0x80000000, 0x00800000};
  Array<uint32_t> tensor(in);
  for (E e : {E::tf32, E::f32, E::f32_ftz}) {
    TensorMap m = tensor_map(tensor.at, e, {16}, {16});
    std::vector<uint8_t> bytes(64);
    std::memcpy(bytes.data(), e == E::tf32 ? want.data() : in.data(), 64);
    check_load(m, "1d.shared::cta.global", "{0}], [bar]", 64, bytes);
  }
}

}  // namespace tma_modes_test
