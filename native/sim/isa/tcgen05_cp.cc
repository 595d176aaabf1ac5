// PTX ISA 9.7.16.8.2 tcgen05.cp and 9.7.16.8.3 tcgen05.shift: rows from shared memory to tensor memory, and rows of
// tensor memory moved by one. Both are the tensor core's, in order with tcgen05.mma of the same thread.
#include "../machine/cluster.h"
#include "../machine/program.h"
#include "chapters.h"
#include "select.h"
#include "tcgen05_multiply.h"

namespace sim {
namespace {

// #tcgen05-data-movement-shape. Rows of 16 or 32 bytes; which lanes a row goes to.
enum Route : uint8_t { ROWS_128, EACH_QUADRANT_ONE, PAIRS_02_13, PAIRS_01_23, ALL_FOUR };
enum Expansion : uint8_t { PLAIN, FROM_4_BITS, FROM_6_BITS };
struct Shape {
  Route route;
  Expansion expansion;
  uint8_t columns, cta_group;
  uint8_t pad[4];
  uint32_t rows() const {
    return route == ROWS_128 ? 128 : route == ALL_FOUR ? 32 : route == EACH_QUADRANT_ONE ? 4 : 64;
  }
  // 16 elements of 4 bits and 8 bytes of padding, or of 6 bits and 4 bytes, make 16 bytes
  uint32_t data_bytes() const { return expansion == FROM_4_BITS ? 8 : expansion == FROM_6_BITS ? 12 : 16; }
  // The k-th lane of tensor memory that a row goes to; false when there are no more.
  bool lane(uint32_t row, uint32_t k, uint32_t& to) const {
    switch (route) {
      case ROWS_128: to = row; return k < 1;
      case EACH_QUADRANT_ONE: to = 32 * row; return k < 1;
      case PAIRS_02_13: to = row + 64 * k; return k < 2;
      case PAIRS_01_23: to = row % 32 + row / 32 * 64 + 32 * k; return k < 2;
      default: to = row + 32 * k; return k < 4;
    }
  }
};

// #tcgen05-optional-decompression: elements to bytes, four bits in the middle of theirs, six at the bottom: as A in
// tensor memory has them.
void expand(const Shape& s, const uint8_t* in, uint8_t* out) {
  for (unsigned e = 0; e < 16; ++e) {
    if (s.expansion == FROM_4_BITS) {
      out[e] = uint8_t((in[e / 2] >> 4 * (e % 2) & 15) << 2);
    } else {
      const unsigned bit = 6 * e;
      const uint32_t two = in[bit / 8] | uint32_t(in[bit / 8 + 1]) << 8;
      out[e] = uint8_t(two >> bit % 8 & 63);
    }
  }
}

// What a copy reads and writes, and where.
struct CopyOperands {
  Shape s{};
  CtaGroup group;
  umma::SharedMatrix from;
  uint32_t address = 0;

  // Words that hang on any of these bytes of one CTA, which raced: f(lane, column, the doubt).
  template <class F>
  void each_doubtful_word(const std::vector<Doubt>& bytes, F f) const {
    for (const Doubt& d : bytes)
      for (uint32_t r = 0; r < s.rows(); ++r)
        for (uint32_t word = 0; word < s.columns; ++word) {
          const uint32_t n = s.data_bytes() / 4, at = from.granule(false, r, word / 4) + word % 4 * n;
          if (d.from >= at + n || d.to <= at) continue;
          for (uint32_t k = 0, to; s.lane(r, k, to); ++k) f(to + tmem_row(address), tmem_column(address) + word, d);
        }
  }
};

// A copy that has been issued, and what its words are part of: machine/results.h.
struct Copied final : TensorRead {
  CopyOperands of;
  uint32_t product = 0;

  bool changed(Cta& where, const std::vector<Doubt>& bytes) override {
    Results& results = where.cluster->results;
    bool used = false;
    of.each_doubtful_word(bytes, [&](uint32_t lane, uint32_t column, const Doubt& d) {
      used |= results.was_taken(where, product, lane / 16, column);
      if (results.still_there(where, product, lane / 16, column)) *results.words(where, lane, column) = d.why;
    });
    return !used;
  }
};

struct TensorCopy final : AsyncOp, CopyOperands {
  using AsyncOp::AsyncOp;

  void check() {
    const uint32_t rows = s.rows(), granules = s.columns / 4u, at = tmem_row(address);
    // #tcgen05-instructions-tcgen05-cp: only 4x256b has rows elsewhere than at lane 0
    if (s.route == EACH_QUADRANT_ONE ? at >= 32 : at != 0)
      trap(warp, instr, lane, Trap::misaligned,
           std::string("the tensor memory address of tcgen05.cp: expected lane ") +
               (s.route == EACH_QUADRANT_ONE ? "0 to 31" : "0") + ", got " + std::to_string(at));
    Order& order = warp.cta->cluster->order;
    const Event done = order.next_tensor(warp);
    uint32_t halves = 0;
    for (uint32_t r = 0; r < rows; ++r)
      for (uint32_t k = 0, to; s.lane(r, k, to); ++k) halves |= 1u << (to + at) / 16;
    std::vector<Doubt> all[2];  // by CTA of the group
    for (uint32_t rank = 0; rank < group.n; ++rank) {
      Cta* cta = group.at[rank];
      std::vector<Doubt>& doubts = all[rank];
      for (uint32_t r = 0; r < rows; ++r)
        for (uint32_t j = 0; j < granules; ++j) {
          const uint32_t offset = from.granule(false, r, j);
          if (offset < SHARED_RESERVED || offset + 16 > cta->shared_bytes())
            trap(warp, instr, lane, Trap::illegal_address,
                 "the descriptor of tcgen05.cp reaches shared memory at offset " + std::to_string(offset) +
                     ", expected " + std::to_string(SHARED_RESERVED) + " to " +
                     std::to_string(cta->shared_bytes() - 1));
          if (!order.on()) continue;
          order.tensor_read(warp, instr, lane, *cta, offset, s.data_bytes(), done, doubts);
          if (cta->cluster->undefined_bytes.any()) undefined_bytes(*cta, offset, offset + s.data_bytes(), doubts);
        }
      check_columns(warp, instr, lane, *cta, tmem_column(address), s.columns);
      order.tmem(warp, instr, lane, *cta, halves, tmem_column(address), s.columns, true, done);
    }
    if (order.on()) note_results(done, halves, all);
  }

  void note_results(Event done, uint32_t halves, const std::vector<Doubt> (&doubts)[2]) const {
    Cluster& cluster = *warp.cta->cluster;
    auto read = std::make_shared<Copied>();
    read->of = *this;
    for (uint32_t rank = 0; rank < group.n; ++rank) {
      const Cta& cta = *group.at[rank];
      for (uint32_t r = 0; r < s.rows() && cluster.results.any(cta); ++r)
        for (uint32_t k = 0, to; s.lane(r, k, to); ++k)
          std::fill_n(cluster.results.words(cta, to + tmem_row(address), tmem_column(address)), s.columns, nullptr);
      each_doubtful_word(doubts[rank], [&](uint32_t lane, uint32_t column, const Doubt& d) {
        *cluster.results.words(cta, lane, column) = d.why;
      });
      read->remember(doubts[rank]);
    }
    read->product = cluster.results.written(group.at, group.n, halves, tmem_column(address), s.columns, false);
    cluster.order.answers(done, std::move(read));
  }

  void complete() override {
    const bool check = warp.cta->launch->config.check_uninitialised;
    const uint32_t column = tmem_column(address);
    for (Cta* cta : group) {
      Tmem& t = tmem_of(*cta);
      for (uint32_t r = 0; r < s.rows(); ++r)
        for (uint32_t j = 0; j < s.columns / 4u; ++j) {
          const uint32_t offset = from.granule(false, r, j);
          const uint8_t* in = cta->shared.data() + offset;
          // A copy of what nobody has written is nothing written: word by word.
          uint32_t written = 0xf;
          if (check) {
            Shadow shadow(cta->shared_shadow.data());
            for (uint32_t w = 0; w < 4; ++w) {
              const uint32_t bytes = s.data_bytes() / 4;
              if (!shadow.all(offset + bytes * w, bytes)) written &= ~(1u << w);
            }
          }
          uint8_t bytes[16];
          if (s.expansion == PLAIN)
            std::memcpy(bytes, in, 16);
          else
            expand(s, in, bytes);
          for (uint32_t k = 0, to; s.lane(r, k, to); ++k) {
            const uint32_t row = to + tmem_row(address);
            std::memcpy(&t.word[row][column + 4 * j], bytes, 16);
            for (uint32_t w = 0; w < 4; ++w) {
              uint16_t& bits = t.written[row / 16][column + 4 * j + w];
              bits = uint16_t((bits & ~(1u << row % 16)) | (written >> w & 1) << row % 16);
            }
          }
        }
    }
  }
};

uint32_t address_of(Warp& w, const Instr& in, unsigned lane) {
  return w.op<uint32_t>(in, 0)[lane] + uint32_t(in.offset[0]);
}

// A single thread issues it; each lane that is on issues one.
void copy(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  for (uint32_t m = w.exec; m; m &= m - 1) {
    const unsigned lane = unsigned(__builtin_ctz(m));
    auto op = std::make_unique<TensorCopy>(w, in, lane);
    op->s = s, op->address = address_of(w, in, lane);
    if (std::string wrong = umma::decode(w.op<uint64_t>(in, 1)[lane], op->from); !wrong.empty())
      trap(w, in, lane, Trap::illegal_instruction, wrong);
    op->group = cta_group_of(w, in, lane, s.cta_group);
    op->check();
    w.cta->cluster->async.issue(std::move(op), queue_of(w, QUEUE_TENSOR));
  }
}
Handler select_copy(Form& f) {
  Shape s{};
  if (f.has("cta_group::1") == f.has("cta_group::2") || f.text.operands[0].kind != ptx::Operand::address) return nullptr;
  s.cta_group = f.has("cta_group::2") ? 2 : 1;
  const bool pairs = f.has("64x128b"), all = f.has("32x128b");
  const bool to_02_13 = f.has("warpx2::02_13"), to_01_23 = f.has("warpx2::01_23");
  if (pairs != (to_02_13 != to_01_23) || all != f.has("warpx4")) return nullptr;
  if (pairs + all + f.has("128x256b") + f.has("128x128b") + f.has("4x256b") != 1) return nullptr;
  s.route = pairs ? to_02_13 ? PAIRS_02_13 : PAIRS_01_23 : all ? ALL_FOUR : f.has("4x256b") ? EACH_QUADRANT_ONE : ROWS_128;
  s.columns = f.has("128x256b") || f.has("4x256b") ? 8 : 4;
  const bool four = f.has("b4x16_p64"), six = f.has("b6x16_p32");
  if (f.has("b8x16") != (four != six)) return nullptr;
  s.expansion = four ? FROM_4_BITS : six ? FROM_6_BITS : PLAIN;
  f.operand[0].imm_bits = 32, f.operand[1].imm_bits = 64;
  f.aux = __builtin_bit_cast(uint64_t, s);
  return copy;
}

// 32 lanes of 8 columns: each but the last takes what the lane above it in number has. tcgen05.cp.4x256b then fills
// the last ones. #tcgen05-instructions-tcgen05-shift
struct TensorShift final : AsyncOp {
  using AsyncOp::AsyncOp;
  CtaGroup group;
  uint32_t address = 0;

  void check() {
    const uint32_t at = tmem_row(address);
    if (at % 32)
      trap(warp, instr, lane, Trap::misaligned,
           "the tensor memory address of tcgen05.shift: expected a lane that is a multiple of 32, got " +
               std::to_string(at));
    Order& order = warp.cta->cluster->order;
    const Event done = order.next_tensor(warp);
    for (Cta* cta : group) {
      check_columns(warp, instr, lane, *cta, tmem_column(address), 8);
      order.tmem(warp, instr, lane, *cta, 3u << at / 16, tmem_column(address), 8, true, done);
      if (!order.on() || !cta->cluster->results.any(*cta)) continue;
      const Origin** rows = cta->cluster->results.words(*cta, at, tmem_column(address));
      for (uint32_t r = 0; r < 31; ++r) std::copy_n(rows + (r + 1) * Tmem::COLUMNS, 8, rows + r * Tmem::COLUMNS);
    }
  }
  void complete() override {
    const uint32_t at = tmem_row(address), column = tmem_column(address);
    for (Cta* cta : group) {
      Tmem& t = tmem_of(*cta);
      for (uint32_t r = at; r < at + 31; ++r) {
        std::memcpy(&t.word[r][column], &t.word[r + 1][column], 32);
        for (uint32_t c = column; c < column + 8; ++c) {
          const uint32_t was = t.written[(r + 1) / 16][c] >> (r + 1) % 16 & 1;
          uint16_t& bits = t.written[r / 16][c];
          bits = uint16_t((bits & ~(1u << r % 16)) | was << r % 16);
        }
      }
    }
  }
};
template <uint32_t GROUP>
void shift(Warp& w, const Instr& in) {
  for (uint32_t m = w.exec; m; m &= m - 1) {
    const unsigned lane = unsigned(__builtin_ctz(m));
    auto op = std::make_unique<TensorShift>(w, in, lane);
    op->address = address_of(w, in, lane);
    op->group = cta_group_of(w, in, lane, GROUP);
    op->check();
    w.cta->cluster->async.issue(std::move(op), queue_of(w, QUEUE_TENSOR));
  }
}
Handler select_shift(Form& f) {
  if (f.has("cta_group::1") == f.has("cta_group::2") || !f.has("down")) return nullptr;
  if (f.text.operands[0].kind != ptx::Operand::address) return nullptr;
  f.operand[0].imm_bits = 32;
  return f.has("cta_group::2") ? shift<2> : shift<1>;
}

}  // namespace

void tcgen05_cp_rows(Rows& rows) {
  // clang-format off
  rows.add({"tcgen05.cp", NO_TYPE,
            "cta_group::1|cta_group::2|128x256b|128x128b|64x128b|32x128b|4x256b|warpx2::02_13|warpx2::01_23|warpx4|"
            "b8x16|b4x16_p64|b6x16_p32",
            Pattern{2, 2, 0}, Scope::ASYNC, select_copy, "#tcgen05-instructions-tcgen05-cp"});
  rows.add({"tcgen05.shift", NO_TYPE, "cta_group::1|cta_group::2|down", Pattern{1, 1, 0}, Scope::ASYNC, select_shift,
            "#tcgen05-instructions-tcgen05-shift"});
  // clang-format on
}

}  // namespace sim
