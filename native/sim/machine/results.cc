#include "results.h"

#include <algorithm>

namespace sim {

void Results::start(size_t ctas) {
  ctas_.clear(), products_.clear(), origins_.clear();
  ctas_.resize(ctas), products_.resize(1);
}

// ---- tainted words
const Origin* Results::first(const Cta& c, uint32_t row, uint32_t column, uint32_t n) const {
  if (!any(c)) return nullptr;
  const Origin* const* word = &ctas_[c.rank].taint[row * COLUMNS + column];
  const auto* found = std::find_if(word, word + n, [](const Origin* o) { return o; });
  return found == word + n ? nullptr : *found;
}

const Origin** Results::words(const Cta& c, uint32_t row, uint32_t column) {
  auto& taint = ctas_[c.rank].taint;
  if (!taint) taint = std::make_unique<const Origin*[]>(Tmem::ROWS * COLUMNS);
  return &taint[row * COLUMNS + column];
}

// ---- products
uint32_t* Results::products(const Cta& c) {
  auto& p = ctas_[c.rank].product;
  if (p.empty()) p.resize(HALVES * COLUMNS);
  return p.data();
}

uint32_t Results::last(uint32_t product) const {
  while (products_[product].into) product = products_[product].into;
  return product;
}

uint32_t Results::written(Cta* const* ctas, uint32_t n_ctas, uint32_t halves, uint32_t column, uint32_t n,
                             bool accumulates) {
  const uint32_t here = products(*ctas[0])[uint32_t(__builtin_ctz(halves)) * COLUMNS + column];
  auto each = [&](auto f) {  // f(the granules of one half): false ends it
    for (uint32_t k = 0; k < n_ctas; ++k)
      for (uint32_t h = halves; h; h &= h - 1)
        if (!f(products(*ctas[k]) + uint32_t(__builtin_ctz(h)) * COLUMNS + column)) return false;
    return true;
  };
  if (accumulates && here && !products_[here].any_taken && !products_[here].into &&
      each([&](const uint32_t* p) {
        uint32_t differ = 0;
        for (uint32_t c = 0; c < n; ++c) differ |= p[c] ^ here;
        return !differ;
      }))
    return here;
  products_.emplace_back();
  const uint32_t fresh = uint32_t(products_.size() - 1);
  each([&](uint32_t* p) {
    for (uint32_t c = 0; c < n; ++c) {
      if (accumulates && p[c] && last(p[c]) != fresh) products_[last(p[c])].into = fresh;
      p[c] = fresh;
    }
    return true;
  });
  return fresh;
}

void Results::overwritten(const Cta& c, uint32_t halves, uint32_t column, uint32_t n) {
  PerCta& here = ctas_[c.rank];
  for (uint32_t h = halves; h; h &= h - 1) {
    const uint32_t half = uint32_t(__builtin_ctz(h));
    if (!here.product.empty()) std::fill_n(&here.product[half * COLUMNS + column], n, 0u);
    for (uint32_t row = 16 * half; here.taint && row < 16 * (half + 1); ++row)
      std::fill_n(&here.taint[row * COLUMNS + column], n, nullptr);
  }
}

void Results::taken(const Cta& c, uint32_t halves, uint32_t column, uint32_t n) {
  const auto& product = ctas_[c.rank].product;
  if (product.empty()) return;
  uint32_t before = 0;
  Product* p = nullptr;
  for (uint32_t h = halves; h; h &= h - 1) {
    const uint32_t half = uint32_t(__builtin_ctz(h));
    for (uint32_t k = column; k < column + n; ++k) {
      const uint32_t here = product[half * COLUMNS + k];
      if (!here) continue;
      if (here != before) before = here, p = &products_[last(here)], p->any_taken = true;
      Columns& t = p->taken[c.rank & 1][half];
      t.from = uint16_t(std::min<uint32_t>(t.from, k)), t.to = uint16_t(std::max<uint32_t>(t.to, k + 1));
    }
  }
}

bool Results::was_taken(const Cta& c, uint32_t product, uint32_t half, uint32_t column) const {
  for (; product; product = products_[product].into) {
    const Columns& t = products_[product].taken[c.rank & 1][half];
    if (column >= t.from && column < t.to) return true;
  }
  return false;
}

bool Results::still_there(const Cta& c, uint32_t product, uint32_t half, uint32_t column) const {
  const auto& here = ctas_[c.rank].product;
  const uint32_t p = here.empty() ? 0 : here[half * COLUMNS + column];
  return p && last(p) == last(product);
}

}  // namespace sim
