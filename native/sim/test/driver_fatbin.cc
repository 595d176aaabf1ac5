// Fat binaries: every compression of nvcc gives the same text, the right entry is chosen, and damaged data is refused.
#include "gpu.h"
#include "native/sim/driver/state.h"
#include "native/sim/host/image/fatbin.h"

using namespace sim;
using namespace sim::testing;
using host::Bytes;

namespace {

std::vector<uint8_t> file(const std::string& name) {
  std::ifstream in(std::string(KERNEL_DIR) + "/" + name, std::ios::binary);
  if (!in) fail(__FILE__, __LINE__, "expected ", KERNEL_DIR, "/", name, ": nvcc was not found when this was built");
  return {std::istreambuf_iterator<char>(in), {}};
}

template <class Decode>
void survives_damage(std::vector<uint8_t> data, size_t size, Decode decode) {
  uint32_t seed = 1;
  auto random = [&] { return seed = seed * 1664525 + 1013904223, seed >> 8; };
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<uint8_t> d = data;
    for (unsigned k = 0; k <= random() % 3; ++k) d[random() % d.size()] = uint8_t(random());
    if (random() % 4 == 0) d.resize(random() % d.size());
    try {
      CHECK_EQ(decode(Bytes(d), size).size(), size);
    } catch (const host::DecodeError&) {
      ++refused;
    }
  }
  CHECK(refused > 1000, refused);
}

}  // namespace

TEST(driver_fatbin_every_mode) {
  const std::string want = host::unpack([] {
    static auto plain = file("fat_none.fatbin");
    return host::fat_entries(plain.data()).at(0);
  }());
  CHECK(want.find(".target sm_100a") != std::string::npos, want.substr(0, 200));
  for (const char* mode : {"default", "size", "balance", "speed"}) {
    auto image = file(std::string("fat_") + mode + ".fatbin");
    auto entries = host::fat_entries(image.data());
    CHECK_EQ(entries.size(), size_t(1));
    CHECK_EQ(entries[0].name(), std::string("compute_100a"));
    CHECK(entries[0].data.size() < want.size(), mode, " is not compressed");
    CHECK(host::unpack(entries[0]) == want, "the same text from --compress-mode=", mode);
    bool lz4 = std::string(mode) == "speed";
    survives_damage({entries[0].data.begin(), entries[0].data.end()}, entries[0].unpacked,
                    lz4 ? host::lz4_block : host::zstd_frames);
  }
}

TEST(driver_fatbin_choice) {
  auto many = file("fat_many.fatbin");  // compute_80, compute_90a, compute_100, compute_100f, compute_100a, sm_100a
  auto entries = host::fat_entries(many.data());
  CHECK_EQ(entries.size(), size_t(6));
  CHECK(host::ptx_of_image(many.data()).find(".target sm_100a") != std::string::npos);
  auto older = file("fat_older.fatbin");  // compute_80, compute_90a
  CHECK(host::ptx_of_image(older.data()).find(".target sm_80") != std::string::npos);
  auto code = file("fat_code.fatbin");  // sm_100a
  try {
    host::ptx_of_image(code.data());
    CHECK(false, "a fat binary with only machine code was taken");
  } catch (const driver::ImageError& e) {
    CHECK_EQ(int(e.code), int(CUDA_ERROR_NO_BINARY_FOR_GPU));
    CHECK(std::string(e.what()).find("found sm_100a: compile with -gencode") != std::string::npos, e.what());
  }
  auto damaged = file("fat_default.fatbin");
  damaged[damaged.size() / 2] ^= 0x55, damaged[damaged.size() / 2 + 1] ^= 0x55;
  try {
    host::ptx_of_image(damaged.data());
    CHECK(false, "a damaged fat binary was taken");
  } catch (const driver::ImageError& e) {
    CHECK_EQ(int(e.code), int(CUDA_ERROR_INVALID_IMAGE), e.what());
  }
}
