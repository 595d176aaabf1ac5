// A strict JSON reader for files that came from elsewhere: no duplicate keys, no trailing text, bounded depth, exact integers.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace engine {

class Json {
 public:
  enum class Kind { null, boolean, number, string, array, object };

  // `where` names the text in errors. Throws device::Error with one sentence.
  static Json parse(std::string_view text, const std::string& where);
  static Json load(const std::string& path);

  Kind kind() const { return kind_; }
  bool is(Kind k) const { return kind_ == k; }
  bool boolean() const { return flag_; }
  double number() const { return number_; }
  const std::string& text() const { return text_; }  // a string's characters, a number's digits
  const std::vector<Json>& items() const { return items_; }
  const std::vector<std::pair<std::string, Json>>& members() const { return members_; }
  // Null when there is no such key.
  const Json* find(std::string_view key) const;
  // The value of an integer literal that int64 holds; fractions, exponents and larger ones are none.
  std::optional<int64_t> integer() const;
  // Text for an error message, at most 60 characters.
  std::string show() const;

 private:
  friend class JsonReader;
  Kind kind_ = Kind::null;
  bool flag_ = false;
  double number_ = 0;
  std::string text_;
  std::vector<Json> items_;
  std::vector<std::pair<std::string, Json>> members_;
};

}  // namespace engine
