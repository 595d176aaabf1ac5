#include "block.h"

namespace hw {

Block::Block(unsigned threads, unsigned smem) : threads_(threads) {
  (*this)(".shared .align 1024 .b8 smem[" + str(smem) + "];\n.shared .align 8 .b64 mbar[4];");
  (*this)(".reg .b32 %thread, %smem, %mbar, %i, %j, %v, %n, %w<16>;\n.reg .b64 %at, %q<16>;\n.reg .pred %other, %done, %p<8>;");
  (*this)("mov.u32 %thread, %tid.x;\nmov.u32 %smem, smem;\nmov.u32 %mbar, mbar;");
}
void Block::loop(unsigned bytes, const std::string& body) {
  const std::string n = str(inner_++);
  (*this)("shl.b32 %i, %thread, 2;\nA" + n + ":\nsetp.ge.u32 %done, %i, " + str(bytes) + ";\n@%done bra B" + n + ";\n" + body +
          "\nadd.u32 %i, %i, " + str(4 * threads_) + ";\nbra A" + n + ";\nB" + n + ":");
}
Block& Block::fill(unsigned in, unsigned bytes, unsigned at, const std::string& from) {
  loop(bytes, "cvt.u64.u32 %at, %i;\nadd.u64 %at, %at, %in" + str(in) + ";\nadd.u64 %at, %at, " + from +
                  ";\nld.global.b32 %v, [%at];\nadd.u32 %j, %smem, %i;\nst.shared.b32 [%j+" + str(at) + "], %v;");
  return *this;
}
Block& Block::fill_word(uint32_t word, unsigned bytes, unsigned at) {
  loop(bytes, "add.u32 %j, %smem, %i;\nst.shared.b32 [%j+" + str(at) + "], " + str(word) + ";");
  return *this;
}
Block& Block::dump(unsigned bytes, unsigned at, const std::string& to) {
  loop(bytes, "add.u32 %j, %smem, %i;\nld.shared.b32 %v, [%j+" + str(at) + "];\ncvt.u64.u32 %at, %i;\nadd.u64 %at, %at, %out;\nadd.u64 %at, %at, " +
                  to + ";\nst.global.b32 [%at], %v;");
  return *this;
}
Block& Block::copy_out(unsigned in, unsigned bytes, unsigned to) {
  loop(bytes, "cvt.u64.u32 %at, %i;\nadd.u64 %at, %at, %in" + str(in) + ";\nld.global.b32 %v, [%at];\ncvt.u64.u32 %at, %i;\nadd.u64 %at, %at, %out;\nst.global.b32 [%at+" +
                  str(to) + "], %v;");
  return *this;
}
Block& Block::init(unsigned count) {
  one()("mbarrier.init.shared.b64 [%mbar], " + str(count) + ";\nfence.mbarrier_init.release.cluster;").all();
  return to_async();
}
Block& Block::wait(unsigned parity, const std::string& barrier) {
  const std::string n = str(inner_++);
  return (*this)("mov.u32 %n, 0;\nA" + n + ":\nmbarrier.try_wait.parity.shared.b64 %done, [" + barrier + "], " + str(parity) + ";\n@%done bra B" + n +
                 ";\nadd.u32 %n, %n, 1;\nsetp.lt.u32 %done, %n, 1000;\n@%done bra A" + n + ";\nst.global.b32 [%out], 0xdeadbeef;\nexit;\nB" + n + ":");
}
Input buffer(const std::string& kind, uint64_t seed, size_t bytes) {
  const unsigned w = bytes_of(kind);
  Input in{Bytes(bytes), 0};
  for (size_t k = 0; k + w <= bytes; k += w) store(in.bytes, k, value(kind, seed, k / w), w);
  return in;
}

}  // namespace hw
