// Which words of D hang on operands of a tcgen05.mma that raced: a row of A makes a row of D, a column of B a column,
// a scale factor what it scales. machine/results.h says what that is for.
#include <algorithm>
#include <cstring>

#include "../machine/program.h"
#include "tcgen05_multiply.h"

namespace sim {

void TaintedOperands::add(const MultiplyOperands& of, bool of_a, uint32_t rank, std::vector<Doubt> bytes) {
  if (bytes.empty()) return;
  std::stable_sort(bytes.begin(), bytes.end(), [](const Doubt& x, const Doubt& y) { return x.from < y.from; });
  const uint32_t data = umma::data_bytes(of.i.by.kind, of_a ? of.i.a : of.i.b);
  const uint32_t rows = of_a ? of.i.rows_a() : of.i.rows_b(), skipped = !of_a && of.mask ? of.mask->shift : 0;
  of.each_granule(of_a, [&](uint32_t at, uint32_t first, uint32_t n) {
    // doubts lie in granules of 16 bytes, as this one does
    auto d = std::lower_bound(bytes.begin(), bytes.end(), at / 16 * 16,
                              [](const Doubt& x, uint32_t offset) { return x.from < offset; });
    for (; d != bytes.end() && d->from < at + data; ++d)
      for (uint32_t k = first; k < first + n && d->to > at; ++k) {
        if (k < skipped || k - skipped >= rows) continue;
        const uint32_t r = k - skipped;
        if (of_a && !row[rank][r]) row[rank][r] = d->why;
        const uint32_t c = rank * rows + r;
        if (!of_a && !column[c] && (!of.mask || of.mask->used[c])) column[c] = d->why;
      }
  });
}

void undefined_bytes(const Cta& cta, uint32_t from, uint32_t to, std::vector<Doubt>& doubts) {
  const UndefinedBytes& stored = cta.cluster->undefined_bytes;
  const uint8_t* shadow = cta.shared_shadow.data();
  for (uint32_t granule = from / 16 * 16; granule < to; granule += 16) {
    uint16_t written;
    std::memcpy(&written, shadow + granule / 8, 2);
    if (written == 0xffff) continue;
    for (uint32_t at = std::max(from, granule); at < std::min(to, granule + 16); ++at)
      if (!(written >> at % 16 & 1))
        if (const Origin* why = stored.find(cta.shared_base() + at)) doubts.push_back({at, at + 1, why, {}, 0});
  }
}

namespace {

// A multiplication that has been issued: what it was given, and what its D is part of.
struct Multiplied final : TensorRead {
  MultiplyOperands of;
  uint32_t product = 0;

  bool changed(Cta& where, const std::vector<Doubt>& bytes) override {
    const uint32_t rank = &where == of.group.at[0] ? 0 : 1;
    TaintedOperands t;
    if (!of.a_in_tmem) t.add(of, true, rank, bytes);
    t.add(of, false, rank, bytes);
    Results& results = where.cluster->results;
    const uint32_t n = of.columns_of_d(), column = tmem_column(of.d);
    for (uint32_t k = 0; k < of.group.n; ++k)
      for (uint32_t part = 0; part < of.path.parts; ++part)
        for (uint32_t m = 0; m < of.path.rows; ++m) {
          const uint32_t at = of.path.lane(m, part);
          if (!of.writes(k, at)) continue;
          for (uint32_t c = 0; c < n; ++c) {
            const Origin* why = t.row[k][m] ? t.row[k][m] : t.column[part * n + c];
            if (!why) continue;
            const Cta& cta = *of.group.at[k];
            if (results.was_taken(cta, product, at / 16, column + c)) return false;
            if (!results.still_there(cta, product, at / 16, column + c)) continue;
            const Origin*& word = *results.words(cta, at, column + c);
            word = word ? word : why;
          }
        }
    return true;
  }
};

}  // namespace

// What A, the metadata and the scale factors of one part take from tensor memory: as complete() reads them.
void TensorMultiply::taint_of_tmem(Cta& cta, uint32_t rank, uint32_t part, TaintedOperands& t) const {
  const Results& results = cta.cluster->results;
  auto also = [](const Origin*& to, const Origin* why) { to = to ? to : why; };
  for (uint32_t m = 0; m < path.rows; ++m) {
    const Origin*& row = t.row[rank][m];
    const uint32_t last = path.rows - 1;
    if (a_in_tmem)
      also(row, results.first(cta, path.lane(i.by.ashift && m < last ? m + 1 : m, part), tmem_column(a_tmem), i.bytes_a() / 4));
    if (i.by.sparse && metadata_columns() == 2) {
      also(row, results.first(cta, path.lane(m, part), metadata_column(), 2));
    } else if (i.by.sparse) {
      const uint32_t at = path.lane(m / 16 * 16, part) + m % 8;
      also(row, results.at(cta, at, metadata_column())), also(row, results.at(cta, at + 8, metadata_column()));
    }
    if (i.by.scale_vec) also(row, results.at(cta, path.lane(m, part) / 32 * 32 + m % 32, tmem_column(sfa) + m / 32));
  }
  const uint32_t groups = 4 / path.parts, n = columns_of_d();
  for (uint32_t c = 0; c < n && i.by.scale_vec; ++c)
    for (uint32_t g = part * groups; g < (part + 1) * groups; ++g)
      also(t.column[part * n + c], results.at(cta, 32 * g + c % 32, tmem_column(sfb) + c / 32));
}

void TensorMultiply::spread_taint(TaintedOperands& t) const {
  const uint32_t n = columns_of_d(), column = tmem_column(d);
  for (uint32_t k = 0; k < group.n; ++k) {
    Cta& cta = *group.at[k];
    Results& results = cta.cluster->results;
    for (uint32_t part = 0; part < path.parts; ++part) {
      TaintedOperands all = t;
      if (results.any(cta)) taint_of_tmem(cta, k, part, all);
      const bool columns = std::any_of(all.column, all.column + i.n, [](const Origin* o) { return o; });
      for (uint32_t m = 0; m < path.rows; ++m) {
        const uint32_t at = path.lane(m, part);
        if (!writes(k, at)) continue;
        const Origin** word = results.words(cta, at, column);
        if (!accumulate) std::fill_n(word, n, nullptr);
        const Origin* why = all.row[k][m];
        for (uint32_t c = 0; c < n && why; ++c) word[c] = word[c] ? word[c] : why;
        for (uint32_t c = 0; c < n && columns; ++c) word[c] = word[c] ? word[c] : all.column[part * n + c];
      }
    }
  }
}

void TensorMultiply::note_results(Event done, const std::vector<Doubt> (&of_a)[2], const std::vector<Doubt> (&of_b)[2]) {
  Cluster& cluster = *warp.cta->cluster;
  Results& results = cluster.results;
  auto read = std::make_shared<Multiplied>();
  read->of = *this;
  read->product = results.written(group.at, group.n, halves(), tmem_column(d), columns_of_d(), accumulate);
  bool tainted = false;
  for (uint32_t k = 0; k < group.n; ++k) {
    read->remember(of_a[k]), read->remember(of_b[k]);
    tainted |= results.any(*group.at[k]);
  }
  if (tainted || !read->doubts.empty()) {
    TaintedOperands t;
    for (uint32_t k = 0; k < group.n; ++k) t.add(*this, true, k, of_a[k]), t.add(*this, false, k, of_b[k]);
    spread_taint(t);
  }
  cluster.order.answers(done, std::move(read));
}

}  // namespace sim
