#include <algorithm>
#include <unordered_map>

#include "../isa/chapters.h"

namespace sim {

namespace {

std::vector<std::string_view> split(std::string_view s, char at) {
  std::vector<std::string_view> out;
  while (!s.empty()) {
    size_t end = std::min(s.find(at), s.size());
    out.push_back(s.substr(0, end));
    s.remove_prefix(std::min(end + 1, s.size()));
  }
  return out;
}

bool allowed(std::string_view modifiers, std::string_view token) {
  for (std::string_view word : split(modifiers, '|')) {
    if (word == token) return true;
    if (!word.empty() && word.back() == '*' &&
        token.substr(0, word.size() - 1) == word.substr(0, word.size() - 1))
      return true;
  }
  return false;
}

bool fits(const Row& row, const std::vector<std::string_view>& name, const ptx::Instruction& in) {
  const auto& tokens = in.op.tokens;
  if (tokens.size() < name.size() || !std::equal(name.begin(), name.end(), tokens.begin())) return false;
  if (in.operands.size() < row.operands.min || in.operands.size() > row.operands.max) return false;
  for (size_t k = name.size(); k < tokens.size(); ++k) {
    Type t;
    bool ok =
        ptx::type_from(tokens[k], t) ? (row.types >> unsigned(t) & 1) : allowed(row.modifiers, tokens[k]);
    if (!ok) return false;
  }
  return true;
}

}  // namespace

void Rows::add(const Row& row) { rows_.push_back(row); }

std::vector<const Row*> Rows::find(const ptx::Instruction& in) const {
  std::vector<std::pair<size_t, const Row*>> found;
  const std::string& first = in.op.tokens[0];
  for (const Row& row : rows_) {
    std::string_view name = row.name;
    if (name.substr(0, first.size()) != first || (name.size() > first.size() && name[first.size()] != '.'))
      continue;
    auto parts = split(name, '.');
    if (fits(row, parts, in)) found.emplace_back(parts.size(), &row);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<const Row*> out;
  for (const auto& [n, row] : found) out.push_back(row);
  return out;
}

const Rows& Rows::get() {
  static const Rows rows = [] {
    Rows r;
#define SIM_ADD(name) name##_chapter::add_rows(r);
    SIM_CHAPTERS(SIM_ADD)
#undef SIM_ADD
    return r;
  }();
  return rows;
}

}  // namespace sim
