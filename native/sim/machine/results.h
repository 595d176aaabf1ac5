// What lies in tensor memory and hangs on an operand of the tensor core that raced.
//
// A tcgen05.mma may read rows of A or columns of B that are another stage's, being written as it reads: the hardware
// minds as little as if they held zeros, only the rows or columns of D that are computed from them are garbage. DeepGEMM
// multiplies 128 rows where it has loaded 64. So a read that races is no fault by itself: the words of D that depend on
// it are tainted with the sentence of the race, which is said when somebody makes something of them (undefined.h).
//
// A write that races with an earlier read taints what was computed from it by then. What of that has been taken out
// of tensor memory counts as used: from there on values are followed only when it is known that they are undefined.
//
// All this happens in order of issue: accesses to tensor memory whose order of issue is not theirs are a race of their own.
#pragma once
#include <memory>
#include <set>
#include <vector>

#include "cta.h"
#include "undefined.h"

namespace sim {

class Results {
 public:
  void start(size_t ctas);
  const Origin* origin(Origin o) { return &*origins_.insert(std::move(o)).first; }

  // ---- tainted words: where each word's taint comes from, nullptr for none
  bool any(const Cta& c) const { return ctas_[c.rank].taint != nullptr; }
  const Origin* at(const Cta& c, uint32_t row, uint32_t column) const {
    return any(c) ? ctas_[c.rank].taint[row * COLUMNS + column] : nullptr;
  }
  // The first tainted word of a row's columns [column, column + n).
  const Origin* first(const Cta& c, uint32_t row, uint32_t column, uint32_t n) const;
  // A word and those beside it, to be changed.
  const Origin** words(const Cta& c, uint32_t row, uint32_t column);

  // ---- products: accumulators that multiplications have been adding to since somebody last took something out of
  // them. Granules are those of Order::tmem: half quadrants of a column. 0 is no product.
  // What a multiplication or tcgen05.cp writes; the same in both CTAs of a pair.
  uint32_t written(Cta* const* ctas, uint32_t n_ctas, uint32_t halves, uint32_t column, uint32_t n, bool accumulates);
  // Something else was written there: whole granules hold no product and no taint any more.
  void overwritten(const Cta& c, uint32_t halves, uint32_t column, uint32_t n);
  // Somebody has taken what is there: tcgen05.ld, or a multiplication whose operand it is.
  void taken(const Cta& c, uint32_t halves, uint32_t column, uint32_t n);
  // Of a granule, asked for a product that was made there: was it taken since, and is it still there?
  bool was_taken(const Cta& c, uint32_t product, uint32_t half, uint32_t column) const;
  bool still_there(const Cta& c, uint32_t product, uint32_t half, uint32_t column) const;

 private:
  static constexpr uint32_t HALVES = Tmem::ROWS / 16, COLUMNS = Tmem::COLUMNS;
  struct Columns {
    uint16_t from = COLUMNS, to = 0;  // all columns between count: accumulators are taken side by side
  };
  struct Product {
    uint32_t into = 0;         // what went on adding to it once it had been taken, or took it in
    bool any_taken = false;
    Columns taken[2][HALVES];  // by the low bit of the CTA's rank
  };
  struct PerCta {
    std::unique_ptr<const Origin*[]> taint;  // ROWS x COLUMNS, made with the first one
    std::vector<uint32_t> product;           // HALVES x COLUMNS, likewise
  };
  uint32_t* products(const Cta& c);
  uint32_t last(uint32_t product) const;  // of those it went into

  std::vector<PerCta> ctas_;  // by rank
  std::vector<Product> products_;
  std::set<Origin> origins_;  // each once: kernels repeat themselves
};

}  // namespace sim
